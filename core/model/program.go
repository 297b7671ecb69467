package model

import (
	"fmt"
	"slices"

	"tweedie/core/minijson"
)

// listed returns the C, H, W of a network that is a program, if that stands up: it
// takes x [H,W,C], t [1] and, if it knows classes, y [1], and gives an image like x, or
// of twice the channels with a learned variance.
func (c *Config) listed() ([3]int, error) {
	var names []string
	for _, i := range c.Program.Inputs[:min(4, len(c.Program.Inputs))] {
		names = append(names, minijson.Clip(i.Name))
	}
	if want := []string{"x", "t", "y"}; len(names) < 2 || len(names) > 3 || !slices.Equal(names, want[:len(names)]) {
		return [3]int{}, fmt.Errorf("the program's inputs are %q, need %q, or the first two", names, want)
	}
	if len(names) == 3 && c.Labels() == 0 {
		return [3]int{}, fmt.Errorf("the program takes classes, need their names")
	}
	p, out, err := c.Program.Program()
	if err != nil {
		return [3]int{}, err
	}
	x := p.Inputs[0].Shape
	if len(x) != 3 || !slices.Equal([]int{x[0], x[1], x[2] * c.answers()}, p.Shape(out)) {
		return [3]int{}, fmt.Errorf("the program makes %v of %v, need an image [H,W,C] of an image, and variance %q", p.Shape(out), x, c.Variance)
	}
	for _, i := range p.Inputs[1:] {
		if !slices.Equal(i.Shape, []int{1}) {
			return [3]int{}, fmt.Errorf("the program's input %q has shape %v, need one number", i.Name, i.Shape)
		}
	}
	return [3]int{x[2], x[0], x[1]}, nil
}
