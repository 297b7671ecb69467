package diffusion

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Clipped returns denoise with every number of its result clipped to [−1,1], the
// range of pixels: the static thresholding of Saharia et al. 2022,
// arXiv:2205.11487, section 2.3. Apply guidance to denoise first. NaN stays NaN, so
// that a broken network is visible.
func Clipped(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		image, rest := SplitChannels(denoised, x.Shape[len(x.Shape)-1])
		out := tensor.New(image.Shape...)
		for i, v := range image.Data {
			switch {
			case v > 1:
				v = 1
			case v < -1:
				v = -1
			}
			out.Data[i] = v
		}
		return joinChannels(out, rest), nil
	}
}

// Thresholded returns denoise with every image of its result scaled into [−1,1]: the
// dynamic thresholding of Saharia et al. 2022, arXiv:2205.11487, section 2.3. Let s be
// the given percentile of the image's absolute values. If s is above 1, the image is
// clipped to [−s,s] and divided by s; otherwise it is clipped to [−1,1] as by Clipped.
// Strong guidance then saturates less. percentile is a fraction in (0, 1], with linear
// interpolation between values; 0.995 is usual, and 1 divides by the largest. s is at
// most limit, which is at least 1, or 0 for no limit. An image with a NaN is unchanged,
// so that a broken network is visible. The error names a percentile out of range.
func Thresholded(denoise Denoiser, percentile, limit float64) (Denoiser, error) {
	if denoise == nil {
		return nil, errors.New("diffusion: the denoiser must not be nil")
	}
	if !(percentile > 0 && percentile <= 1) {
		return nil, fmt.Errorf("diffusion: dynamic thresholding: percentile must lie in (0, 1] (got %g)", percentile)
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		image, rest := SplitChannels(denoised, x.Shape[len(x.Shape)-1])
		out := image.Clone()
		for i := range out.Shape[0] {
			threshold(out.Row(i), percentile, float32(limit))
		}
		return joinChannels(out, rest), nil
	}, nil
}

// threshold applies Thresholded to one image.
func threshold(image []float32, percentile float64, limit float32) {
	magnitudes := make([]float32, len(image))
	for i, v := range image {
		if v != v {
			return
		}
		magnitudes[i] = float32(math.Abs(float64(v)))
	}
	s := quantile(magnitudes, percentile)
	if limit != 0 {
		s = min(s, limit)
	}
	s = max(1, s)
	for i, v := range image {
		image[i] = min(max(v, -s), s) / s
	}
}

// quantile returns the p-quantile of v, 0 ≤ p ≤ 1, whose values must not be negative. It
// is 0 for an empty v.
func quantile(v []float32, p float64) float32 {
	if len(v) == 0 {
		return 0
	}
	at := p * float64(len(v)-1)
	i := int(at)
	low, high := float64(smallest(v, i)), float64(smallest(v, min(i+1, len(v)-1)))
	return float32(low + float64((at-float64(i))*(high-low)))
}

// smallest returns the k-th smallest value, counted from 0. It bisects the range of the
// bits, which increase with the values: a sort would need more code in a page.
func smallest(v []float32, k int) float32 {
	low, high := uint32(0), math.Float32bits(float32(math.Inf(1)))
	for low < high {
		middle, upTo := low+(high-low)/2, 0
		for _, x := range v {
			if math.Float32bits(x) <= middle {
				upTo++
			}
		}
		if upTo > k {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return math.Float32frombits(low)
}
