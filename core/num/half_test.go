package num

import (
	"math"
	"testing"
)

// float16Value is the definition of binary16: 5 bits of exponent, 10 of fraction.
func float16Value(h uint16) float64 {
	sign, e, m := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 != 0 {
		sign = -1
	}
	switch {
	case e == 31 && m != 0:
		return math.NaN()
	case e == 31:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(m, -24)
	}
	return sign * math.Ldexp(1024+m, e-25)
}

func TestFloat16RoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := FromFloat16(h)
		if !sameFloat(float64(f), float16Value(h)) {
			t.Fatalf("FromFloat16(%#04x) = %v, want %v", h, f, float16Value(h))
		}
		if got := ToFloat16(f); got != h && f == f {
			t.Fatalf("ToFloat16(%v) = %#04x, want %#04x", f, got, h)
		}
	}
}

// Between two neighbours a < b, every number below the midpoint becomes a, every number
// above it b, and the midpoint whichever has an even last bit.
func TestToFloat16RoundsToNearestEven(t *testing.T) {
	for i := range 0x7c00 { // up to the step from 65504 to infinity, which rounds as if to 65536
		a, b := uint16(i), uint16(i+1)
		hi := float16Value(b)
		if b == 0x7c00 {
			hi = 65536
		}
		middle := float32((float16Value(a) + hi) / 2)
		even := a + a&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{{math.Nextafter32(middle, 0), a}, {middle, even}, {math.Nextafter32(middle, 1e6), b}} {
			if got := ToFloat16(c.f); got != c.want {
				t.Fatalf("ToFloat16(%v) = %#04x, want %#04x", c.f, got, c.want)
			}
			if got := ToFloat16(-c.f); got != c.want|0x8000 {
				t.Fatalf("ToFloat16(%v) = %#04x, want %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
}

func TestBFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := FromBFloat16(h)
		if math.Float32bits(f) != uint32(h)<<16 {
			t.Fatalf("FromBFloat16(%#04x) = %v", h, f)
		}
		if got := ToBFloat16(f); got != h && f == f {
			t.Fatalf("ToBFloat16(%v) = %#04x, want %#04x", f, got, h)
		}
		if h&0x7fff >= 0x7f80 {
			continue // infinite or NaN: nothing lies above
		}
		for _, c := range []struct {
			low  uint32
			want uint16
		}{{0x7fff, h}, {0x8000, h + h&1}, {0x8001, h + 1}} {
			if got := ToBFloat16(math.Float32frombits(uint32(h)<<16 | c.low)); got != c.want {
				t.Fatalf("ToBFloat16(%#08x) = %#04x, want %#04x", uint32(h)<<16|c.low, got, c.want)
			}
		}
	}
}

func TestHalfSpecialValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, f := range []float32{nan, -nan, math.Float32frombits(0x7f800001), math.Float32frombits(0xffffffff)} {
		if got := FromFloat16(ToFloat16(f)); got == got {
			t.Errorf("NaN %#x becomes %v as float16", math.Float32bits(f), got)
		}
		if got := FromBFloat16(ToBFloat16(f)); got == got {
			t.Errorf("NaN %#x becomes %v as bfloat16", math.Float32bits(f), got)
		}
	}
	for _, c := range []struct {
		f       float32
		h, bits uint16
	}{
		{0, 0, 0}, {1, 0x3c00, 0x3f80}, {-2, 0xc000, 0xc000}, {inf, 0x7c00, 0x7f80}, {-inf, 0xfc00, 0xff80},
		{65519, 0x7bff, 0x4780}, {65520, 0x7c00, 0x4780}, {math.MaxFloat32, 0x7c00, 0x7f80},
		{float32(math.Copysign(0, -1)), 0x8000, 0x8000},
	} {
		if got := ToFloat16(c.f); got != c.h {
			t.Errorf("ToFloat16(%v) = %#04x, want %#04x", c.f, got, c.h)
		}
		if got := ToBFloat16(c.f); got != c.bits {
			t.Errorf("ToBFloat16(%v) = %#04x, want %#04x", c.f, got, c.bits)
		}
	}
}
