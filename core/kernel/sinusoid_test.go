package kernel

import (
	"fmt"
	"math"
	"testing"

	"tweedie/core/floattest"
)

// TestSinusoid: the angle t·f carries 3 float32 roundings of exponent, f and
// product; the exponent's is at most 2⁻²⁴·ln 10000 in units of f.
func TestSinusoid(t *testing.T) {
	for _, n := range []int{2, 3, 6, 32, 128} {
		for _, flip := range []bool{false, true} {
			for _, shift := range []float32{0, 0.5} {
				for _, at := range []float32{0, 0.25, 1, 17, 999} {
					name := fmt.Sprintf("n=%d/flip=%v/shift=%g/t=%g", n, flip, shift, at)
					y := make([]float32, n)
					y[n-1] = 7
					Sinusoid(y, at, flip, shift)
					half := n / 2
					for i := range half {
						f := math.Exp(-math.Log(10000) * float64(i) / (float64(half) - float64(shift)))
						sin, cos := math.Sincos(float64(at) * f)
						if flip {
							sin, cos = cos, sin
						}
						bound := 0x1p-24 * (1 + float64(at)*f*(2+3*math.Log(10000)))
						floattest.Within(t, name+" first", y[i:i+1], []float64{sin}, bound)
						floattest.Within(t, name+" second", y[half+i:half+i+1], []float64{cos}, bound)
					}
					if n%2 == 1 && y[n-1] != 0 {
						t.Errorf("%s: odd length ends in %g, want 0", name, y[n-1])
					}
				}
			}
		}
	}
}

func TestFourier(t *testing.T) {
	w := []float32{0, 1, -2.5, 100.3}
	sin, cos := make([]float32, len(w)), make([]float32, len(w))
	Fourier(sin, cos, w, -4.25)
	for i, w := range w {
		angle := float64(float32(-4.25) * w)
		if !(math.Abs(float64(sin[i])-math.Sin(angle)) <= 1e-7) || !(math.Abs(float64(cos[i])-math.Cos(angle)) <= 1e-7) {
			t.Errorf("w = %g: got %g, %g, want %g, %g", w, sin[i], cos[i], math.Sin(angle), math.Cos(angle))
		}
	}
}
