package quantize

import (
	"math"
	"runtime"

	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/tensor"
)

// PSNR returns the peak signal-to-noise ratio of got to want in decibels,
//
//	20·log₁₀(peak / √mean (got − want)²)
//
// It is +Inf if they are equal and −Inf if a number of got is not finite.
func PSNR(got, want []float32, peak float64) float64 {
	sum := 0.0
	for i, v := range want {
		d := float64(got[i]) - float64(v)
		sum += d * d
	}
	if math.IsNaN(sum) {
		return math.Inf(-1)
	}
	return 20 * math.Log10(peak/math.Sqrt(sum/float64(len(want))))
}

// Denoised is D(x;σ) of a model on images at each of Levels noise levels.
type Denoised [Levels]*tensor.Tensor

// Denoise evaluates m on images with noise.
func Denoise(m *model.Model, im Images) (Denoised, error) {
	var out Denoised
	if err := im.check(m); err != nil {
		return out, err
	}
	r, err := NewRunner(m, 1, infer.Options{Workers: min(im.Len(), runtime.GOMAXPROCS(0))})
	if err != nil {
		return out, err
	}
	denoise := r.Denoiser(im.Class, 1)
	for i, sigma := range Sigmas(m.Config()) {
		d, err := denoise(im.Noised(i, sigma), sigma)
		if err != nil {
			return out, err
		}
		out[i] = images(d, m.Config().Shape[0])
	}
	return out, nil
}

// images returns the first c channels of d, without learned variances.
func images(d *tensor.Tensor, c int) *tensor.Tensor {
	all := d.Shape[len(d.Shape)-1]
	out := tensor.New(d.Shape[0], d.Shape[1], d.Shape[2], c)
	for i := range len(d.Data) / all {
		copy(out.Data[i*c:(i+1)*c], d.Data[i*all:])
	}
	return out
}

// PSNR compares d with want, level by level. The peak is the range of want at that level, which
// is 2 for pixels of a trained network.
func (d Denoised) PSNR(want Denoised) [Levels]float64 {
	var out [Levels]float64
	for i := range out {
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range want[i].Data {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
		out[i] = PSNR(d[i].Data, want[i].Data, high-low)
	}
	return out
}
