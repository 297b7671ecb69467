package diffusion

import (
	"math"
	"testing"
)

// The shift of diffusers' pipelines: μ is a line through (256, 0.5) and (4096, 1.15), and the shift e^μ.
func TestDynamicShift(t *testing.T) {
	d := DynamicShift{BaseShift: 0.5, MaxShift: 1.15, BaseLength: 256, MaxLength: 4096}
	for _, c := range []struct {
		height, width int
		mu            float64
	}{{32, 32, 0.5}, {128, 128, 1.15}, {64, 48, 0.5 + 512*0.65/3840}, {16, 16, 0.5 - 192*0.65/3840}} {
		if got, want := d.Shift(c.height, c.width), math.Exp(c.mu); !(math.Abs(got/want-1) <= 1e-12) {
			t.Errorf("%dx%d: shift is %g, want %g", c.height, c.width, got, want)
		}
		linear := d
		linear.Linear = true
		if got := linear.Shift(c.height, c.width); !(math.Abs(got/c.mu-1) <= 1e-12) {
			t.Errorf("%dx%d: linear shift is %g, want %g", c.height, c.width, got, c.mu)
		}
	}
	if got := d.Shift(1<<14, 1<<14); got != MaxFlowShift {
		t.Errorf("a shift out of range is %g, want %d", got, MaxFlowShift)
	}
}
