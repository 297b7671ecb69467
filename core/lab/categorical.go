package lab

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// side is how many values a coordinate takes on a grid, which spans ±reach.
const (
	side  = 32
	reach = 1.6
	cell  = 2 * reach / side
)

// Discrete draws n points of a law on a grid of 32×32 by D3PM (Austin et al. 2021,
// arXiv:2107.03006) in steps steps: each coordinate is a pixel of 32 values, which the
// absorbing process masks and the uniform one draws anew, and the reverse steps have the
// exact law of x_0 given both coordinates. Within their cells the points are spread
// evenly. The error is one of steps out of range.
func Discrete(m Mixture, absorbing bool, n, steps int, seed uint64) (*tensor.Tensor, error) {
	target := diffusion.UniformTarget(side)
	if absorbing {
		target = diffusion.AbsorbingTarget(side+1, side)
	}
	process, err := diffusion.NewCategorical(target, diffusion.AbsorbingBetas(steps))
	if err != nil {
		return nil, err
	}
	g := grid{process: process, law: m.onGrid()}
	points, u := make([][2]int, n), make([]float32, 2)
	for i := range points {
		rng.Uniform(u, seed, uint64(i), 0)
		points[i] = [2]int{side, side}
		if !absorbing {
			points[i] = [2]int{int(u[0] * side), int(u[1] * side)}
		}
	}
	for t := steps; t > 0; t-- {
		g.reverse = map[[2]int][2][]float64{}
		for i, at := range points {
			p := g.step(t, at)
			rng.Uniform(u, seed, uint64(i), uint32(t))
			points[i] = [2]int{pick(p[0], float64(u[0])), pick(p[1], float64(u[1]))}
		}
	}
	x := tensor.New(n, 1, 1, 2)
	for i, at := range points {
		rng.Uniform(u, seed, uint64(i), uint32(steps+1))
		for c := range 2 {
			x.Row(i)[c] = float32((float64(at[c])+float64(u[c]))*cell - reach)
		}
	}
	return x, nil
}

// onGrid returns the law's probabilities of the cells, [side][side].
func (m Mixture) onGrid() (law [side][side]float64) {
	total := 0.0
	for a := range side {
		for b := range side {
			x := []float32{float32((float64(a)+0.5)*cell - reach), float32((float64(b)+0.5)*cell - reach)}
			log, _, _ := m.at(x, 0)
			law[a][b] = math.Exp(log)
			total += law[a][b]
		}
	}
	for a := range side {
		for b := range side {
			law[a][b] /= total
		}
	}
	return law
}

// grid is a process on a law.
type grid struct {
	process *diffusion.Categorical
	law     [side][side]float64
	reverse map[[2]int][2][]float64 // of the present step, by where a point is
}

// step returns p(x_{t−1}|x_t) of each coordinate of a point at x_t.
func (g *grid) step(t int, at [2]int) [2][]float64 {
	if p, known := g.reverse[at]; known {
		return p
	}
	k := len(g.process.Target)
	clean := [2][]float64{make([]float64, k), make([]float64, k)}
	total := 0.0
	for a := range side {
		for b := range side {
			p := g.law[a][b] * g.process.Marginal(t, a, at[0]) * g.process.Marginal(t, b, at[1])
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

// pick returns the value at which the sum of p passes u.
func pick(p []float64, u float64) int {
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
