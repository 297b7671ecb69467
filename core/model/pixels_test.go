package model_test

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// parseChain returns the configuration of a network that predicts ε on a chain.
func parseChain(t *testing.T) *model.Config {
	c := parse(t)
	c.Prediction, c.SigmaData, c.Schedule = string(diffusion.PredictEpsilon), 0, &diffusion.Schedule{Kind: diffusion.Cosine}
	return c
}

// A network whose pixels span another range, on a chain: the exact network of data at one point
// gives that point at every noise level, and the levels are for pixels in [−1,1].
func TestPixelRange(t *testing.T) {
	for _, r := range [][2]float64{{0, 1}, {-0.5, 0.5}, {0, 255}, {-1, 1}} {
		c := parseChain(t)
		c.PixelRange = &r
		own, err := parseChain(t).Chain()
		if err != nil {
			t.Fatal(err)
		}
		chain, err := c.Chain()
		if err != nil {
			t.Fatal(err)
		}
		c.SigmaMin, c.SigmaMax = own.Sigmas[0], own.Sigmas[own.Steps()-1]
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		half, at := (r[1]-r[0])/2, r[0]+0.75*(r[1]-r[0]) // the point is 0.5 in [−1,1]
		for _, step := range []int{0, 30, own.Steps() - 1} {
			if got, want := chain.Sigmas[step]*half, own.Sigmas[step]; math.Abs(got-want) > 1e-9*want {
				t.Fatalf("%v: level %d is %g in the network's units, want %g", r, step, got, want)
			}
			alpha := own.AlphasCumprod[step]
			denoise, err := c.Denoiser(func(x *tensor.Tensor, time float32) (*tensor.Tensor, error) {
				out := tensor.New(x.Shape...)
				for i, v := range x.Data { // ε of x = √ᾱ·at + √(1−ᾱ)·ε
					out.Data[i] = float32((float64(v) - math.Sqrt(alpha)*at) / math.Sqrt(1-alpha))
				}
				return out, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			x := tensor.New(1, 4, 4, 1)
			rng.Normal(x.Data, 1, 2, 3)
			sigma := float32(chain.Sigmas[step])
			for i := range x.Data {
				x.Data[i] = 0.5 + sigma*x.Data[i]
			}
			d, err := denoise(x, sigma)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range d.Data {
				if !(math.Abs(float64(v)-0.5) <= 1e-5*(1+float64(sigma))) {
					t.Fatalf("%v, step %d: got %g, want 0.5", r, step, v)
				}
			}
		}
	}
	c := parseChain(t)
	c.PixelRange, c.UnitPixels = &[2]float64{0, 2}, true
	if c.Validate() == nil {
		t.Error("unit_pixels and pixel_range together are valid")
	}
	for _, r := range [][2]float64{{1, 0}, {0, 0}, {math.NaN(), 1}, {-1e9, 1}} {
		c = parseChain(t)
		c.PixelRange = &r
		if c.Validate() == nil {
			t.Errorf("pixel_range %v is valid", r)
		}
	}
}
