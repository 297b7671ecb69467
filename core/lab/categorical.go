package lab

import (
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// The grid of SampleDiscrete: gridSize values of each coordinate, from −gridExtent to
// gridExtent.
const (
	gridSize   = 32
	gridExtent = 1.6
	cellWidth  = 2 * gridExtent / gridSize
)

// SampleDiscrete samples n points of a distribution on a 32×32 grid by D3PM (Austin et al.
// 2021, arXiv:2107.03006) with the given number of steps. Each coordinate is a pixel of 32
// values, which the absorbing process masks and the uniform process resamples. The reverse
// steps use the exact distribution of x_0 given both coordinates. Points are uniform in
// their cells. It is an error if steps is out of range.
func SampleDiscrete(m Mixture, absorbing bool, n, steps int, seed uint64) (*tensor.Tensor, error) {
	if len(m) == 0 || n < 0 || steps < 1 {
		return nil, fmt.Errorf("lab: a discrete process needs a mixture of at least one part, points and at least one step (got %d parts, %d points, %d steps)", len(m), n, steps)
	}
	target := diffusion.UniformTarget(gridSize)
	if absorbing {
		target = diffusion.AbsorbingTarget(gridSize+1, gridSize)
	}
	process, err := diffusion.NewCategorical(target, diffusion.AbsorbingBetas(steps))
	if err != nil {
		return nil, err
	}
	g := grid{process: process, probabilities: m.gridProbabilities()}
	points, u := make([][2]int, n), make([]float32, 2)
	for i := range points {
		rng.Uniform(u, seed, uint64(i), 0)
		points[i] = [2]int{gridSize, gridSize}
		if !absorbing {
			points[i] = [2]int{int(u[0] * gridSize), int(u[1] * gridSize)}
		}
	}
	for t := steps; t > 0; t-- {
		g.reverse = map[[2]int][2][]float64{}
		for i, at := range points {
			p := g.step(t, at)
			rng.Uniform(u, seed, uint64(i), uint32(t))
			points[i] = [2]int{sampleIndex(p[0], float64(u[0])), sampleIndex(p[1], float64(u[1]))}
		}
	}
	x := tensor.New(n, 1, 1, 2)
	for i, at := range points {
		rng.Uniform(u, seed, uint64(i), uint32(steps+1))
		for c := range 2 {
			x.Row(i)[c] = float32((float64(at[c])+float64(u[c]))*cellWidth - gridExtent)
		}
	}
	return x, nil
}

// gridProbabilities returns the probabilities of the grid's cells.
func (m Mixture) gridProbabilities() (p [gridSize][gridSize]float64) {
	total := 0.0
	for a := range gridSize {
		for b := range gridSize {
			x := []float32{float32((float64(a)+0.5)*cellWidth - gridExtent), float32((float64(b)+0.5)*cellWidth - gridExtent)}
			log, _, _ := m.evaluate(x, 0)
			p[a][b] = math.Exp(log)
			total += p[a][b]
		}
	}
	for a := range gridSize {
		for b := range gridSize {
			p[a][b] /= total
		}
	}
	return p
}

// grid is a process on the grid and the distribution of x_0.
type grid struct {
	process       *diffusion.Categorical
	probabilities [gridSize][gridSize]float64
	reverse       map[[2]int][2][]float64 // of the current step, by the position of a point
}

// step returns p(x_{t−1}|x_t) for each coordinate of a point at x_t.
func (g *grid) step(t int, at [2]int) [2][]float64 {
	if p, known := g.reverse[at]; known {
		return p
	}
	k := len(g.process.Target)
	clean := [2][]float64{make([]float64, k), make([]float64, k)}
	total := 0.0
	for a := range gridSize {
		for b := range gridSize {
			p := g.probabilities[a][b] * g.process.Marginal(t, a, at[0]) * g.process.Marginal(t, b, at[1])
			clean[0][a] += p
			clean[1][b] += p
			total += p
		}
	}
	out := [2][]float64{make([]float64, k), make([]float64, k)}
	for c := range 2 {
		for i := range clean[c] {
			clean[c][i] /= total
		}
		g.process.Reverse(out[c], t, at[c], clean[c])
	}
	g.reverse[at] = out
	return out
}

// sampleIndex returns a value with probabilities p, given a uniform u in [0,1).
func sampleIndex(p []float64, u float64) int {
	last := 0
	for i, v := range p {
		if v > 0 {
			last = i
		}
		if u -= v; u < 0 {
			return i
		}
	}
	return last
}
