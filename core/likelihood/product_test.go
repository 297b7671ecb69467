package likelihood

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// For a linear network F = a·x the denoiser and its product are known.
func TestNewProduct(t *testing.T) {
	const a = -0.3
	p := diffusion.EDM{SigmaData: 0.5}
	linear := func(x, e *tensor.Tensor, _ float32) (*tensor.Tensor, *tensor.Tensor, error) {
		return x.Scaled(a), e.Scaled(a), nil
	}
	x, e := normals(0.7, 2, 2, 3, 1), normals(1, 2, 2, 3, 1)
	for _, sigma := range []float32{0.1, 1, 10} {
		d, along, err := NewProduct(linear, p)(x, e, sigma)
		if err != nil {
			t.Fatal(err)
		}
		s2 := float64(sigma) * float64(sigma)
		slope := 0.25/(s2+0.25) + float64(sigma)*0.5/math.Sqrt(s2+0.25)*a/math.Sqrt(s2+0.25)
		for i := range x.Data {
			for _, pair := range [][2]float64{{float64(d.Data[i]), slope * float64(x.Data[i])}, {float64(along.Data[i]), slope * float64(e.Data[i])}} {
				if !(math.Abs(pair[0]-pair[1]) <= 8*u32*3) { // a few roundings of numbers below 3
					t.Errorf("σ=%g: number %d is %g, want %g", sigma, i, pair[0], pair[1])
				}
			}
		}
	}
}

func TestNewProductReturnsErrors(t *testing.T) {
	x := normals(1, 1, 8, 8, 1)
	fails := func(x, e *tensor.Tensor, cNoise float32) (*tensor.Tensor, *tensor.Tensor, error) {
		return nil, nil, errStop
	}
	if _, _, err := NewProduct(fails, diffusion.EDM{SigmaData: 0.5})(x, x, -1); err == nil || err == errStop {
		t.Errorf("a negative noise level: got %v", err)
	}
	if _, _, err := NewProduct(fails, diffusion.EDM{SigmaData: 0.5})(x, x, 1); err != errStop {
		t.Errorf("got %v, want the network's own error", err)
	}
}
