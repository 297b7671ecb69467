package engine

import (
	"math"
	"testing"

	"tweedie/core/tensor"
)

// TestPixelsRoundTrip goes from every byte to its number and back.
func TestPixelsRoundTrip(t *testing.T) {
	for b := range 256 {
		if got := pixel(unit(uint8(b))); got != uint8(b) {
			t.Errorf("byte %d: back as %d", b, got)
		}
	}
	if unit(0) != -1 || unit(255) != 1 {
		t.Errorf("0 and 255: got %g and %g, need −1 and 1", unit(0), unit(255))
	}
}

// TestPixelsRound compares with the formula in float64, where the result is
// further from a half than float32 can err: 3 roundings of numbers below 256.
func TestPixelsRound(t *testing.T) {
	const bound = 3 * 256 * 0x1p-24
	for i := range 100000 {
		v := float32(-1.1 + 2.2*float64(i)/100000)
		exact := (float64(v)+1)*127.5 + 0.5
		if math.Abs(exact-math.Round(exact)) <= bound {
			continue
		}
		want := min(max(math.Floor(exact), 0), 255)
		if got := pixel(v); float64(got) != want {
			t.Errorf("%g: got %d, want %g", v, got, want)
		}
	}
}

func TestPixelsEdges(t *testing.T) {
	inf := float32(math.Inf(1))
	got, err := Pixels(tensor.Of([]float32{-inf, -2, -1, 0, 1, 3, math.MaxFloat32, inf}, 1, 2, 4, 1))
	want := []uint8{0, 0, 0, 128, 255, 255, 255, 255}
	if err != nil || string(got) != string(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	nan := float32(math.NaN())
	_, err = Pixels(tensor.Of([]float32{0, 0, 0, nan}, 2, 1, 2, 1))
	if text := "engine: pixel 1 of image 1 is not a number: the model or the sampler diverged"; err == nil || err.Error() != text {
		t.Errorf("got  %v\nwant %s", err, text)
	}
}
