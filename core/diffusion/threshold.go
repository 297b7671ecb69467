package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Clipped returns denoise with every number of its result held to [−1,1], the
// range of pixels: the static thresholding of Saharia et al. 2022,
// arXiv:2205.11487, section 2.3. Guidance goes inside it, not around. NaN stays
// NaN, so that a broken network shows.
func Clipped(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		image, rest := Split(denoised, x.Shape[3])
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
		return join(out, rest), nil
	}
}

// Thresholded returns denoise with every image of its result brought into [−1,1]: the
// dynamic thresholding of Saharia et al. 2022, arXiv:2205.11487, section 2.3. If the
// percentile of the image's absolute values, s, is above 1, the image is held to
// [−s,s] and divided by s; other images are held to [−1,1] as Clipped does. Strong
// guidance saturates less so. percentile is a part, 0 to 1, between two values linear;
// 0.995 is usual, and 1 divides by the largest. s is at most most, at least 1, or 0 for no
// limit. An image with a NaN is left as it is, so that a broken network shows. The error
// names a percentile out of range.
func Thresholded(denoise Denoiser, percentile, most float64) (Denoiser, error) {
	if !(percentile > 0 && percentile <= 1) {
		return nil, fmt.Errorf("diffusion: dynamic thresholding: percentile is %g, need a number in (0, 1]", percentile)
	}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		denoised, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		image, rest := Split(denoised, x.Shape[3])
		out := image.Clone()
		for i := range out.Shape[0] {
			threshold(out.Row(i), percentile, float32(most))
		}
		return join(out, rest), nil
	}, nil
}

// threshold does it to one image.
func threshold(image []float32, percentile float64, most float32) {
	sizes := make([]float32, len(image))
	for i, v := range image {
		if v != v {
			return
		}
		sizes[i] = float32(math.Abs(float64(v)))
	}
	s := quantile(sizes, percentile)
	if most != 0 {
		s = min(s, most)
	}
	s = max(1, s)
	for i, v := range image {
		image[i] = min(max(v, -s), s) / s
	}
}

// quantile returns the value at part, 0 to 1, of the way up v, which holds nothing
// below 0. It is 0 for none.
func quantile(v []float32, part float64) float32 {
	if len(v) == 0 {
		return 0
	}
	at := part * float64(len(v)-1)
	i := int(at)
	low, high := float64(smallest(v, i)), float64(smallest(v, min(i+1, len(v)-1)))
	return float32(low + float64((at-float64(i))*(high-low)))
}

// smallest returns the value that has k others below it in order. It halves the range of
// the bits, which rise with the values: a sort would take more of the page.
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
