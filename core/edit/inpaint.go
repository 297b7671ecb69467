package edit

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// The streams of core/rng for inpainting, in addition to those of package sampler.
const (
	StreamKnown uint32 = 1 << 20 // StreamKnown + i: noise of the known pixels after step i
	StreamJump  uint32 = 1 << 21 // StreamJump + k: noise of RePaint's k-th jump back
)

// Inpaint repaints part of an image: Song & Ermon 2019, arXiv:1907.05600,
// Algorithm 2 (appendix B.3), with any method of package sampler for its
// Langevin steps. After every step it sets
//
//	x ← m·x + (1−m)·(known + σ·z),   z fresh, σ the level after the step,
//
// for a mask m of 0 and 1, and jumps between levels as r specifies. With annealed
// Langevin this is Algorithm 2 itself: the known pixels are replaced after each of the T
// steps at a level, with one z for each level.
//
//	known   [1,H,W,C] or [N,H,W,C]: the image, or one for each sample
//	mask    [H,W], 0 to 1: 1 repaints, 0 keeps. Pixels with a value in between are
//	        repainted, and blended with the known ones at the end
//	sigmas  [K+1]: see sampler.Check; must end in 0
//	noise   of N samples; sampler.StreamStart, StreamStep+i, StreamKnown+i and
//	        StreamJump+k are drawn, where i counts all steps including repeated ones
//
// The arguments are left unchanged. The result is [N,H,W,C]; where the mask is 0 it
// has exactly the values of known. It calls denoise r.NFE times. The error names an
// invalid argument, wraps sampler.ErrSchedule, or is one of denoise, unchanged.
func Inpaint(s sampler.Settings, r RePaint, denoise diffusion.Denoiser, known, mask *tensor.Tensor, sigmas []float32, noise sampler.Noise) (*tensor.Tensor, error) {
	if err := sampler.Check(sigmas); err != nil {
		return nil, err
	}
	steps := len(sigmas) - 1
	if sigmas[steps] != 0 {
		return nil, fmt.Errorf("edit: %w: the last noise level must be 0 for inpainting (got sigmas[%d] = %g)", sampler.ErrSchedule, steps, sigmas[steps])
	}
	segments, err := r.segments(steps)
	if err != nil {
		return nil, err
	}
	if noise == nil || known == nil || mask == nil {
		return nil, errors.New("edit: the image, the mask and the noise must not be nil")
	}
	x := sampler.Start(noise, sigmas)
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("edit: noise must have shape [N,H,W,C] (got %v)", x.Shape)
	}
	if err := checkKnown(known, x.Shape); err != nil {
		return nil, err
	}
	if err := CheckMask(mask, x.Shape[1], x.Shape[2]); err != nil {
		return nil, err
	}
	p := knownImage{known, mask}
	p.start(x)
	done := 0 // steps taken so far, including repeated ones
	var z *tensor.Tensor
	last := -1 // the step that z belongs to, counted like done
	for k, w := range segments {
		if k > 0 {
			fresh, err := drawNoise(noise, StreamJump+uint32(k-1), x)
			if err != nil {
				return nil, err
			}
			x = addNoise(x, sigmas[segments[k-1].to], sigmas[w.from], fresh)
		}
		from := x
		replaceKnown := func(step int, x *tensor.Tensor, sigma float32) error {
			switch {
			case sigma == 0:
				p.finish(x)
			case step < 0:
				p.restore(x, from) // its known pixels already have noise of this level
			default:
				if last != done+step {
					last = done + step
					if z, err = drawNoise(noise, StreamKnown+uint32(last), x); err != nil {
						return err
					}
				}
				p.project(x, z, sigma)
			}
			return nil
		}
		x, err = sampler.RunStretch(s, sigmas, denoise, x, sigmas[w.from:w.to+1], noise.After(done), replaceKnown)
		if err != nil {
			return nil, err
		}
		done += w.to - w.from
	}
	return x, nil
}

// drawNoise draws noise. It is an error if the noise does not have the shape of x.
func drawNoise(noise sampler.Noise, stream uint32, x *tensor.Tensor) (*tensor.Tensor, error) {
	z := noise(stream)
	if z == nil || !slices.Equal(z.Shape, x.Shape) || len(z.Data) != len(x.Data) {
		return nil, fmt.Errorf("edit: noise must have the same shape, %v, in every stream", x.Shape)
	}
	return z, nil
}

// addNoise takes x from level sigma back up to sigmaBack: the forward process adds noise
// of variance sigmaBack² − sigma².
func addNoise(x *tensor.Tensor, sigma, sigmaBack float32, z *tensor.Tensor) *tensor.Tensor {
	low, high := float64(sigma), float64(sigmaBack)
	return x.AddScaled(float32(math.Sqrt((high-low)*(high+low))), z)
}
