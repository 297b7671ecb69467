package diffusion

import "tweedie/core/tensor"

// Split returns the first c channels of an image [N,H,W,…], and the rest of them, nil
// if there are no others.
func Split(x *tensor.Tensor, c int) (first, rest *tensor.Tensor) {
	all := x.Shape[3]
	if all == c {
		return x, nil
	}
	pick := func(from, to int) *tensor.Tensor {
		out := tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], to-from)
		for i, at := 0, 0; i < len(x.Data); i += all {
			at += copy(out.Data[at:], x.Data[i+from:i+to])
		}
		return out
	}
	return pick(0, c), pick(c, all)
}

// join puts channels behind each other again; rest may be nil.
func join(first, rest *tensor.Tensor) *tensor.Tensor {
	if rest == nil {
		return first
	}
	a, b := first.Shape[3], rest.Shape[3]
	out := tensor.New(first.Shape[0], first.Shape[1], first.Shape[2], a+b)
	for i, at := 0, 0; at < len(out.Data); i++ {
		at += copy(out.Data[at:], first.Data[i*a:(i+1)*a])
		at += copy(out.Data[at:], rest.Data[i*b:(i+1)*b])
	}
	return out
}

// Mean returns the denoiser that leaves out what another says of variances.
func Mean(denoise Denoiser) Denoiser {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		d, _ = Split(d, x.Shape[3])
		return d, nil
	}
}

// Combine returns what g makes of D_c and D_u at weight w, rescaled, of the first
// channels, and c's others.
func (g Guidance) Combine(c, u *tensor.Tensor, weight float32, channels int) *tensor.Tensor {
	c, v := Split(c, channels)
	u, _ = Split(u, channels)
	d := u.AddScaled(weight, c.AddScaled(-1, u))
	for i := range d.Shape[0] {
		rescale(d.Row(i), c.Row(i), g.Rescale)
	}
	return join(d, v)
}
