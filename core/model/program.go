package model

import (
	"fmt"
	"slices"

	"tweedie/core/minijson"
)

// programShape returns the C, H, W of a network that is a program, or an error if it is
// invalid. Its inputs must be x [H,W,C], t [1] and, if it is conditional, y [1]; its output an
// image like x, with twice the channels if it has a learned variance.
func (c *Config) programShape() ([3]int, error) {
	var names []string
	for _, i := range c.Program.Inputs[:min(4, len(c.Program.Inputs))] {
		names = append(names, minijson.Clip(i.Name))
	}
	if want := []string{"x", "t", "y"}; len(names) < 2 || len(names) > 3 || !slices.Equal(names, want[:len(names)]) {
		return [3]int{}, fmt.Errorf("the program's inputs must be %q or the first two of these (got %q)", want, names)
	}
	if len(names) == 3 && c.Labels() == 0 {
		return [3]int{}, fmt.Errorf("the program has a class input y: classes must be given")
	}
	p, out, err := c.Program.Program()
	if err != nil {
		return [3]int{}, err
	}
	x := p.Inputs[0].Shape
	if len(x) != 3 || !slices.Equal([]int{x[0], x[1], x[2] * c.outputsPerChannel()}, p.Shape(out)) {
		return [3]int{}, fmt.Errorf("the program's output %v for an input %v must be images [H,W,C] of the same size for variance %q", p.Shape(out), x, c.Variance)
	}
	for _, i := range p.Inputs[1:] {
		if !slices.Equal(i.Shape, []int{1}) {
			return [3]int{}, fmt.Errorf("the program's input %q must be one number (got shape %v)", i.Name, i.Shape)
		}
	}
	return [3]int{x[2], x[0], x[1]}, nil
}
