// Package lab has two-dimensional toy distributions with score, posterior and density in
// closed form at every noise level, small networks that learn them with any objective, and
// the distance of points from a distribution.
//
// Points are images [N,1,1,2]: one pixel of two channels.
package lab

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Mixture is a mixture of isotropic normal distributions.
type Mixture []struct{ X, Y, SD, Weight float64 }

// Distributions are the available mixtures, by name.
var Distributions = map[string]Mixture{
	"three": {{-0.6, 0.3, 0.2, 0.5}, {0.5, 0.5, 0.25, 0.35}, {0.2, -0.7, 0.15, 0.15}},
	"ring":  ring(8, 0.8, 0.08),
	"pair":  {{-0.4, 0, 0.25, 0.5}, {0.4, 0, 0.25, 0.5}},
	"one":   {{0, 0, 0.5, 1}},
}

// Names lists the names of Distributions in the order for display.
var Names = []string{"three", "ring", "pair", "one"}

// ring returns n equal components on a circle.
func ring(n int, radius, sd float64) (m Mixture) {
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		m = append(m, struct{ X, Y, SD, Weight float64 }{radius * cos, radius * sin, sd, 1 / float64(n)})
	}
	return m
}

// Sample returns n random points. Point i does not depend on n.
func (m Mixture) Sample(n int, seed uint64) *tensor.Tensor {
	x := tensor.New(n, 1, 1, 2)
	for i := range n {
		m.point(x.Row(i), seed, uint64(i))
	}
	return x
}

// point writes random point k.
func (m Mixture) point(dst []float32, seed, k uint64) {
	var u [1]float32
	rng.Uniform(u[:], seed, k, 100)
	component, rest := 0, float64(u[0])
	for ; component < len(m)-1 && rest > m[component].Weight; component++ {
		rest -= m[component].Weight
	}
	p := m[component]
	rng.Normal(dst, seed, k, 101)
	dst[0], dst[1] = float32(p.X+p.SD*float64(dst[0])), float32(p.Y+p.SD*float64(dst[1]))
}

// evaluate returns ln p of a point at a noise level up to a constant, its gradient, and
// E[x₀|x].
func (m Mixture) evaluate(x []float32, sigma float64) (log float64, score, mean [2]float64) {
	a, b := float64(x[0]), float64(x[1])
	logs := make([]float64, len(m))
	for k, p := range m {
		v := p.SD*p.SD + sigma*sigma
		logs[k] = math.Log(p.Weight/v) - ((a-p.X)*(a-p.X)+(b-p.Y)*(b-p.Y))/(2*v)
	}
	largest, total := slices.Max(logs), 0.0
	for k, p := range m {
		v, w := p.SD*p.SD+sigma*sigma, math.Exp(logs[k]-largest)
		total += w
		for c, diff := range [2]float64{p.X - a, p.Y - b} {
			score[c] += w * diff / v
		}
	}
	for c := range score {
		score[c] /= total
		mean[c] = float64(x[c]) + sigma*sigma*score[c] // Tweedie's formula
	}
	return largest + math.Log(total), score, mean
}

// check returns an error unless m has a part and x points of the plane.
func (m Mixture) check(x *tensor.Tensor) error {
	if len(m) == 0 {
		return errors.New("lab: a mixture must have at least one part")
	}
	if err := x.Check(); err != nil {
		return fmt.Errorf("lab: points: %w", err)
	}
	if len(x.Shape) < 2 || tensor.Size(x.Shape[1:]) != 2 {
		return fmt.Errorf("lab: points must have shape [N,1,1,2] or [N,2] (got %v)", x.Shape)
	}
	return nil
}

// Denoise is the exact denoiser D(x;σ), a diffusion.Denoiser.
func (m Mixture) Denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	if err := m.check(x); err != nil {
		return nil, err
	}
	out := tensor.New(x.Shape...)
	for i := range x.Shape[0] {
		_, _, mean := m.evaluate(x.Row(i), float64(sigma))
		out.Row(i)[0], out.Row(i)[1] = float32(mean[0]), float32(mean[1])
	}
	return out, nil
}

// Density is a sampler.Density.
func (m Mixture) Density(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error) {
	if err := m.check(x); err != nil {
		return nil, nil, err
	}
	log, gradient = make([]float64, x.Shape[0]), tensor.New(x.Shape...)
	for i := range log {
		var score [2]float64
		log[i], score, _ = m.evaluate(x.Row(i), 0)
		gradient.Row(i)[0], gradient.Row(i)[1] = float32(score[0]), float32(score[1])
	}
	return log, gradient, nil
}

// Distance returns the sliced Wasserstein distance W₁ of points from the distribution, over
// eight directions, and an upper bound of its expectation for equally many exact samples:
// ∫√(F·(1−F)/n) (Bobkov & Ledoux 2019, theorem 3.2).
func (m Mixture) Distance(x *tensor.Tensor) (distance, expected float64) {
	const directions = 8
	for d := range directions {
		sin, cos := math.Sincos(math.Pi * float64(d) / directions)
		projection := make([]float64, x.Shape[0])
		for i := range projection {
			projection[i] = cos*float64(x.Row(i)[0]) + sin*float64(x.Row(i)[1])
		}
		w, e := m.slice(projection, cos, sin)
		distance, expected = distance+w/directions, expected+e/directions
	}
	return distance, expected
}

// slice is Distance in one direction, ∫|F_n − F| for the empirical F_n.
func (m Mixture) slice(projection []float64, cos, sin float64) (distance, expected float64) {
	slices.Sort(projection)
	low, high := projection[0], projection[len(projection)-1]
	for _, p := range m {
		centre := cos*p.X + sin*p.Y
		low, high = min(low, centre-6*p.SD), max(high, centre+6*p.SD)
	}
	const cells = 4000
	dx, n, below := (high-low)/cells, float64(len(projection)), 0
	for i := range cells {
		x := low + (float64(i)+0.5)*dx
		for below < len(projection) && projection[below] < x {
			below++
		}
		f := 0.0
		for _, p := range m {
			f += p.Weight * math.Erfc((cos*p.X+sin*p.Y-x)/(p.SD*math.Sqrt2)) / 2
		}
		distance += math.Abs(float64(below)/n-f) * dx
		expected += math.Sqrt(max(0, f*(1-f))/n) * dx
	}
	return distance, expected
}
