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

// The streams of core/rng that inpainting draws from, beside those of package
// sampler.
const (
	StreamKnown uint32 = 1 << 20 // StreamKnown + i: noise of the known pixels after step i
	StreamJump  uint32 = 1 << 21 // StreamJump + k: noise of RePaint's k-th jump back
)

// Inpaint repaints part of an image: Song & Ermon 2019, arXiv:1907.05600,
// Algorithm 2 (appendix B.3), with any method of package sampler for its
// Langevin steps. After every step it sets
//
//	x ← m·x + (1−m)·(known + σ·z),   z fresh, σ the level just reached,
//
// for a mask m of 0 and 1, and goes back and forth between levels as r asks. With
// annealed Langevin that is Algorithm 2 itself: the known pixels are held after each of
// its T steps at a level, with one z a level.
//
//	known   [1,H,W,C] or [N,H,W,C]: the image, or one for each sample
//	mask    [H,W], 0 to 1: 1 repaints, 0 keeps. Pixels with a mask between are
//	        repainted, and blended with the known ones at the very end
//	sigmas  [K+1]: see sampler.Check; must end in 0
//	noise   of N samples; sampler.StreamStart, StreamStep+i, StreamKnown+i and
//	        StreamJump+k are drawn, where steps i count on over r's repetitions
//
// The arguments are left unchanged. The result is [N,H,W,C]; where the mask is 0
// it holds the very numbers of known. It costs r.NFE calls of denoise. The error
// names an argument that does not fit, wraps sampler.ErrSchedule, or is one of
// denoise, as it is.
func Inpaint(s sampler.Settings, r RePaint, denoise diffusion.Denoiser, known, mask *tensor.Tensor, sigmas []float32, noise sampler.Noise) (*tensor.Tensor, error) {
	if err := sampler.Check(sigmas); err != nil {
		return nil, err
	}
	steps := len(sigmas) - 1
	if sigmas[steps] != 0 {
		return nil, fmt.Errorf("edit: %w: sigmas[%d] = %g, need 0: inpainting ends in a clean image", sampler.ErrSchedule, steps, sigmas[steps])
	}
	walk, err := r.walk(steps)
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
	p := picture{known, mask}
	p.start(x)
	done := 0 // steps taken so far, over all repetitions
	var z *tensor.Tensor
	last := -1 // the step, so counted, that z belongs to
	for k, w := range walk {
		if k > 0 {
			fresh, err := drawNoise(noise, StreamJump+uint32(k-1), x)
			if err != nil {
				return nil, err
			}
			x = jump(x, sigmas[walk[k-1].to], sigmas[w.from], fresh)
		}
		from := x
		hold := func(step int, x *tensor.Tensor, sigma float32) error {
			switch {
			case sigma == 0:
				p.finish(x)
			case step < 0:
				p.keep(x, from) // its known pixels have that much noise
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
		x, err = sampler.Run(s, denoise, x, sigmas[w.from:w.to+1], noise.After(done), hold)
		if err != nil {
			return nil, err
		}
		done += w.to - w.from
	}
	return x, nil
}

// drawNoise draws noise. The error says that it has another shape than x.
func drawNoise(noise sampler.Noise, stream uint32, x *tensor.Tensor) (*tensor.Tensor, error) {
	z := noise(stream)
	if z == nil || !slices.Equal(z.Shape, x.Shape) || len(z.Data) != len(x.Data) {
		return nil, fmt.Errorf("edit: noise must have the same shape, %v, in every stream", x.Shape)
	}
	return z, nil
}

// jump takes x from level sigma back up to sigmaBack in one draw: the forward
// process adds variance sigmaBack² − sigma².
func jump(x *tensor.Tensor, sigma, sigmaBack float32, z *tensor.Tensor) *tensor.Tensor {
	low, high := float64(sigma), float64(sigmaBack)
	return x.AddScaled(float32(math.Sqrt((high-low)*(high+low))), z)
}
