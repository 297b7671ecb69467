package diffusion

import (
	"slices"

	"tweedie/core/tensor"
)

// SplitChannels returns the first c channels of x, its last axis, and the remaining
// ones, or nil if there are no others. It panics if x has fewer.
func SplitChannels(x *tensor.Tensor, c int) (first, rest *tensor.Tensor) {
	axes := len(x.Shape) - 1
	total := x.Shape[axes]
	if total == c {
		return x, nil
	}
	channels := func(from, to int) *tensor.Tensor {
		out := tensor.New(append(slices.Clone(x.Shape[:axes]), to-from)...)
		for i, at := 0, 0; i < len(x.Data); i += total {
			at += copy(out.Data[at:], x.Data[i+from:i+to])
		}
		return out
	}
	return channels(0, c), channels(c, total)
}

// joinChannels is the inverse of SplitChannels; rest may be nil.
func joinChannels(first, rest *tensor.Tensor) *tensor.Tensor {
	if rest == nil {
		return first
	}
	axes := len(first.Shape) - 1
	a, b := first.Shape[axes], rest.Shape[axes]
	out := tensor.New(append(slices.Clone(first.Shape[:axes]), a+b)...)
	for i, at := 0, 0; at < len(out.Data); i++ {
		at += copy(out.Data[at:], first.Data[i*a:(i+1)*a])
		at += copy(out.Data[at:], rest.Data[i*b:(i+1)*b])
	}
	return out
}

// MeanOnly returns denoise without its channels of learned variances.
func MeanOnly(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		d, _ = SplitChannels(d, x.Shape[len(x.Shape)-1])
		return d, nil
	}
}

// Combine returns D_u + weight·(D_c − D_u), rescaled, for the first channels, and
// the remaining channels of c.
func (g Guidance) Combine(c, u *tensor.Tensor, weight float32, channels int) *tensor.Tensor {
	c, v := SplitChannels(c, channels)
	u, _ = SplitChannels(u, channels)
	d := u.AddScaled(weight, c.AddScaled(-1, u))
	for i := range d.Shape[0] {
		rescale(d.Row(i), c.Row(i), g.Rescale)
	}
	return joinChannels(d, v)
}
