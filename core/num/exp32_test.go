package num

import (
	"math"
	"testing"
)

// ulps32 returns |got − want| in units in the last place of want's binade. want is a
// float64 with an error far below a float32's ulp. The result is NaN if got is NaN.
func ulps32(got float32, want float64) float64 {
	if float64(got) == want {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

func TestExp32Accuracy(t *testing.T) {
	const bound = 1
	worst, at := 0.0, float32(0)
	lo, hi := math.Float32bits(Exp32Min), math.Float32bits(Exp32Max)
	check := func(bits uint32) {
		x := math.Float32frombits(bits)
		d := ulps32(Exp32(x), math.Exp(float64(x)))
		if !(d <= worst) {
			worst, at = d, x
		}
	}
	const step = 997 // prime, so that no low bit stays fixed
	for b := uint32(0); b <= hi; b += step {
		check(b)
	}
	for b := uint32(1) << 31; b <= lo; b += step {
		check(b)
	}
	for _, b := range []uint32{hi, lo, 0, 1 << 31} {
		check(b)
	}
	if !(worst <= bound) {
		t.Errorf("Exp32(%g) is off by %.3f ulp, bound %d", at, worst, bound)
	}
	t.Logf("worst %.3f ulp at %g", worst, at)
}

func TestExp32Edges(t *testing.T) {
	inf := float32(math.Inf(1))
	if got := Exp32(Exp32Min); !(got >= 0x1p-126) {
		t.Errorf("Exp32(Exp32Min) = %g, want a normal number", got)
	}
	if got := Exp32(Exp32Max); !(got < inf) {
		t.Errorf("Exp32(Exp32Max) = %g, want a finite number", got)
	}
	for _, c := range []struct{ x, want float32 }{
		{0, 1},
		{float32(math.Copysign(0, -1)), 1},
		{math.Nextafter32(Exp32Min, -inf), 0},
		{math.Nextafter32(Exp32Max, inf), inf},
		{-200, 0}, {200, inf},
		{-math.MaxFloat32, 0}, {math.MaxFloat32, inf},
		{-inf, 0}, {inf, inf},
	} {
		if got := Exp32(c.x); got != c.want || math.Signbit(float64(got)) {
			t.Errorf("Exp32(%g) = %g, want %g", c.x, got, c.want)
		}
	}
	for _, bits := range []uint32{0x7fc00000, 0xffc00000, 0x7fc00001, 0x7fffffff} {
		if got := Exp32(math.Float32frombits(bits)); got == got {
			t.Errorf("Exp32(NaN %#x) = %g, want NaN", bits, got)
		}
	}
}

// TestExp32Monotonic: a larger argument never has a smaller exponential. Softmax, for
// one, relies on it.
func TestExp32Monotonic(t *testing.T) {
	for n := -125; n < 128; n++ { // around the seams, where n changes
		x := float32((float64(n) + 0.5) * math.Ln2)
		for range 200 {
			x = math.Nextafter32(x, -200)
		}
		for range 400 {
			next := math.Nextafter32(x, 200)
			if a, b := Exp32(x), Exp32(next); !(a <= b) {
				t.Errorf("Exp32(%g) = %g exceeds Exp32(%g) = %g", x, a, next, b)
			}
			x = next
		}
	}
}

func TestSigmoid32(t *testing.T) {
	const bound = 3 // 1 of Exp32, ½ each of + and ÷, and ulps double where the binade changes
	worst, at := 0.0, float32(0)
	for x := -Exp32Max; x < 30; x += 0.00317 {
		want := 1 / (1 + math.Exp(-float64(x)))
		if d := ulps32(Sigmoid32(x), want); !(d <= worst) {
			worst, at = d, x
		}
	}
	if !(worst <= bound) {
		t.Errorf("Sigmoid32(%g) is off by %.3f ulp, bound %d", at, worst, bound)
	}
	t.Logf("worst %.3f ulp at %g", worst, at)
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, want float32 }{{-inf, 0}, {-100, 0}, {0, 0.5}, {100, 1}, {inf, 1}} {
		if got := Sigmoid32(c.x); got != c.want {
			t.Errorf("Sigmoid32(%g) = %g, want %g", c.x, got, c.want)
		}
	}
}

func BenchmarkExp32(b *testing.B) {
	x, sum := float32(0), float32(0)
	for b.Loop() {
		x += 0.001
		if x > 10 {
			x = -10
		}
		sum += Exp32(x)
	}
	sink32 = sum
}

var sink32 float32
