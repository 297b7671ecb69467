package engine

import (
	"fmt"
	"math"
	"time"

	"tweedie/core/diffusion"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// gaussian is a network in closed form: pixels of class k are drawn from
// N(mean[k], sd²), so D(x;σ) = (sd²·x + σ²·mean)/(sd² + σ²). The last entry of
// mean is that of no class.
type gaussian struct {
	mean  []float32
	sd    float64
	sizes []int                         // of the chunks it was given
	fail  func(images int) error        // called with every chunk
	alter func(denoised *tensor.Tensor) // spoils the result
}

func (g *gaussian) Guided(class []int, how diffusion.Guidance) diffusion.Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		guidance := float32(how.ScaleAt(sigma))
		if len(class) != x.Shape[0] {
			return nil, fmt.Errorf("gaussian: %d classes for %d images", len(class), x.Shape[0])
		}
		g.sizes = append(g.sizes, len(class))
		if g.fail != nil {
			if err := g.fail(len(class)); err != nil {
				return nil, err
			}
		}
		variance, noise := g.sd*g.sd, float64(sigma)*float64(sigma)
		keep := float32(variance / (variance + noise))
		out := tensor.New(x.Shape...)
		for i, c := range class {
			null := g.mean[len(g.mean)-1]
			mean := null
			if c >= 0 {
				mean += float32(guidance * (g.mean[c] - null))
			}
			row := out.Row(i)
			for j, v := range x.Row(i) {
				row[j] = float32(keep*v) + float32((1-keep)*mean)
			}
		}
		if g.alter != nil {
			g.alter(out)
		}
		return out, nil
	}
}

// Forward returns t·x + y, so that a test sees which goes with which.
func (g *gaussian) Forward(x *tensor.Tensor, t []float32, y []int) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	for i := range t {
		label := float32(0)
		if y != nil {
			label = float32(y[i])
		}
		row := out.Row(i)
		for j, v := range x.Row(i) {
			row[j] = float32(t[i]*v) + label
		}
	}
	return out, nil
}

// testInfo describes a gaussian of three classes and pictures of 3×4 pixels in
// two channels, none of the numbers equal, so that no axis passes for another.
func testInfo() Info {
	return Info{
		Name: "gaussian", Shape: [3]int{2, 3, 4}, Classes: []string{"dark", "gray", "light"}, Unconditional: true,
		Samplers: sampler.Methods, Sigma: SigmaRange{0.01, 40},
		Defaults: Defaults{Sampler: "dpmpp2m", Steps: 8, Guidance: 1.5, Eta: 0.25},
		labels:   4,
	}
}

func newGaussian() *gaussian {
	return &gaussian{mean: []float32{-0.6, 0, 0.5, 0.1}, sd: 0.2}
}

// clock is a time that only moves when told to.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// broken turns the k-th number of a result into NaN.
func broken(k int) func(*tensor.Tensor) {
	return func(x *tensor.Tensor) { x.Data[k] = float32(math.NaN()) }
}
