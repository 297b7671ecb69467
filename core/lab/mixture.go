// Package lab is a laboratory in two dimensions: laws whose score, posterior and
// density are known in closed form at every noise level, small networks that learn them
// by any objective, and how far points lie from a law.
//
// Points are images [N,1,1,2]: one pixel of two channels.
package lab

import (
	"math"
	"slices"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Mixture is a mixture of round normal distributions.
type Mixture []struct{ X, Y, SD, Weight float64 }

// Laws are the mixtures there are, by name.
var Laws = map[string]Mixture{
	"three": {{-0.6, 0.3, 0.2, 0.5}, {0.5, 0.5, 0.25, 0.35}, {0.2, -0.7, 0.15, 0.15}},
	"ring":  ring(8, 0.8, 0.08),
	"pair":  {{-0.4, 0, 0.25, 0.5}, {0.4, 0, 0.25, 0.5}},
	"one":   {{0, 0, 0.5, 1}},
}

// Names are those of Laws.
var Names = []string{"three", "ring", "pair", "one"}

// ring is n equal parts on a circle.
func ring(n int, radius, sd float64) (m Mixture) {
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		m = append(m, struct{ X, Y, SD, Weight float64 }{radius * cos, radius * sin, sd, 1 / float64(n)})
	}
	return m
}

// Draw returns n points of the law: point i is the same whatever n is.
func (m Mixture) Draw(n int, seed uint64) *tensor.Tensor {
	x := tensor.New(n, 1, 1, 2)
	for i := range n {
		m.point(x.Row(i), seed, uint64(i))
	}
	return x
}

// point writes draw k.
func (m Mixture) point(dst []float32, seed, k uint64) {
	var u [1]float32
	rng.Uniform(u[:], seed, k, 100)
	part, left := 0, float64(u[0])
	for ; part < len(m)-1 && left > m[part].Weight; part++ {
		left -= m[part].Weight
	}
	p := m[part]
	rng.Normal(dst, seed, k, 101)
	dst[0], dst[1] = float32(p.X+p.SD*float64(dst[0])), float32(p.Y+p.SD*float64(dst[1]))
}

// at returns ln p of a point at a noise level, without the constant, its gradient, and
// E[x₀] given the point.
func (m Mixture) at(x []float32, sigma float64) (log float64, score, mean [2]float64) {
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
		for c, off := range [2]float64{p.X - a, p.Y - b} {
			score[c] += w * off / v
		}
	}
	for c := range score {
		score[c] /= total
		mean[c] = float64(x[c]) + sigma*sigma*score[c] // Tweedie's formula
	}
	return largest + math.Log(total), score, mean
}

// Denoise is the exact D(x;σ), a diffusion.Denoiser.
func (m Mixture) Denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	for i := range x.Shape[0] {
		_, _, mean := m.at(x.Row(i), float64(sigma))
		out.Row(i)[0], out.Row(i)[1] = float32(mean[0]), float32(mean[1])
	}
	return out, nil
}

// Density is a sampler.Density.
func (m Mixture) Density(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error) {
	log, gradient = make([]float64, x.Shape[0]), tensor.New(x.Shape...)
	for i := range log {
		var score [2]float64
		log[i], score, _ = m.at(x.Row(i), 0)
		gradient.Row(i)[0], gradient.Row(i)[1] = float32(score[0]), float32(score[1])
	}
	return log, gradient, nil
}

// Distance returns the sliced Wasserstein distance W₁ of points to the law, over eight
// directions, and the most that it is on average for as many points of the law itself:
// ∫√(F·(1−F)/n) (Bobkov & Ledoux 2019, theorem 3.2).
func (m Mixture) Distance(x *tensor.Tensor) (distance, expected float64) {
	const directions = 8
	for d := range directions {
		sin, cos := math.Sincos(math.Pi * float64(d) / directions)
		along := make([]float64, x.Shape[0])
		for i := range along {
			along[i] = cos*float64(x.Row(i)[0]) + sin*float64(x.Row(i)[1])
		}
		w, e := m.slice(along, cos, sin)
		distance, expected = distance+w/directions, expected+e/directions
	}
	return distance, expected
}

// slice is Distance in one direction, ∫|F_n − F| for the empirical F_n.
func (m Mixture) slice(along []float64, cos, sin float64) (distance, expected float64) {
	slices.Sort(along)
	low, high := along[0], along[len(along)-1]
	for _, p := range m {
		at := cos*p.X + sin*p.Y
		low, high = min(low, at-6*p.SD), max(high, at+6*p.SD)
	}
	const cells = 4000
	dx, n, below := (high-low)/cells, float64(len(along)), 0
	for i := range cells {
		x := low + (float64(i)+0.5)*dx
		for below < len(along) && along[below] < x {
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
