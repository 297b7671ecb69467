package num

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// points is the number of random arguments from each range of TestAccuracy.
const points = 400

// TestAccuracy compares every function with the error bound of its doc comment, in each
// range where its algorithm differs. Arguments are uniform, or uniform in the logarithm.
func TestAccuracy(t *testing.T) {
	cosPi := func(x float64) float64 { _, c := SincosPi(x); return c }
	sinPi := func(x float64) float64 { s, _ := SincosPi(x); return s }
	timesPi := func(f func(*big.Float) *big.Float) func(*big.Float) *big.Float {
		return func(x *big.Float) *big.Float { return f(mul(x, newBig().Set(bigPi))) }
	}
	for _, f := range []struct {
		name   string
		fn     func(float64) float64
		ref    func(*big.Float) *big.Float
		bound  float64
		ranges [][2]float64 // logarithmic if both ends have the same sign
	}{
		{"Exp", Exp, bigExp, 1, [][2]float64{{-0.5, 0.5}, {-3, 3}, {-708, 709.78}, {-745.1, -708}, {1e-300, 0.3}, {-0.3, -1e-20}}},
		{"Expm1", Expm1, bigExpm1, 1, [][2]float64{{-0.5, 0.5}, {-1.5, 1.5}, {-60, 60}, {1, 709}, {1e-60, 0.3}, {-0.3, -1e-20}}},
		{"Log", Log, bigLog, 1, [][2]float64{{0.5, 2}, {0.99, 1.01}, {1e-310, 1e308}, {5e-324, 1e-308}}},
		{"Log1p", Log1p, bigLog1p, 1, [][2]float64{{-0.5, 0.5}, {-0.999999, 3}, {-0.5, -1e-60}, {1e-60, 1}, {0.3, 1e300}}},
		{"Sin", Sin, bigSin, 1, [][2]float64{{-0.8, 0.8}, {-10, 10}, {-1e6, 1e6}, {1e-300, 1}, {1e6, math.MaxFloat64}, {-1e18, -1e5}}},
		{"Cos", Cos, bigCos, 1, [][2]float64{{-0.8, 0.8}, {-10, 10}, {-1e6, 1e6}, {1e-300, 1}, {1e6, math.MaxFloat64}, {-1e18, -1e5}}},
		{"SincosPi/sin", sinPi, timesPi(bigSin), 2, [][2]float64{{-0.3, 0.3}, {-3, 3}, {1e-300, 1}, {-1e6, 1e6}}},
		{"SincosPi/cos", cosPi, timesPi(bigCos), 2, [][2]float64{{-0.3, 0.3}, {-3, 3}, {1e-300, 1}, {-1e6, 1e6}}},
		{"Tanh", Tanh, bigTanh, 1, [][2]float64{{-0.5, 0.5}, {-3, 3}, {-23, 23}, {1e-60, 1}, {-25, -1e-9}}},
		{"Erf", Erf, bigErf, 2, [][2]float64{{-1.1, 1.1}, {-3, 3}, {-6, 6}, {1e-320, 1}, {-6, -1e-10}}},
	} {
		t.Run(f.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, r := range f.ranges {
				worst, at := 0.0, 0.0
				for range points {
					x := draw(rng, r[0], r[1])
					if d := ulps(f.fn(x), f.ref(toBig(x))); !(d <= worst) {
						worst, at = d, x
					}
				}
				t.Logf("[%g, %g]: worst %.3f ulp at %g", r[0], r[1], worst, at)
				if !(worst <= f.bound) {
					t.Errorf("%s(%g) = %g, off by %.3f ulp, bound %g", f.name, at, f.fn(at), worst, f.bound)
				}
			}
		})
	}
}

// draw returns a random number in [lo, hi]: uniform if lo and hi differ in sign, else
// uniform in the logarithm.
func draw(rng *rand.Rand, lo, hi float64) float64 {
	u := rng.Float64()
	if lo < 0 && hi > 0 {
		return lo + u*(hi-lo)
	}
	a, b := math.Log2(math.Abs(lo)), math.Log2(math.Abs(hi))
	x := math.Exp2(a + u*(b-a))
	return math.Copysign(max(min(x, max(math.Abs(lo), math.Abs(hi))), min(math.Abs(lo), math.Abs(hi))), lo)
}

func TestPowAccuracy(t *testing.T) {
	const bound = 1
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name string
		draw func() (x, y float64)
	}{
		{"schedules", func() (float64, float64) { return draw(rng, 0.002, 80), draw(rng, -8, 8) }},
		{"near one", func() (float64, float64) { return 1 + draw(rng, -1e-5, 1e-5), draw(rng, -1e7, 1e7) }},
		{"whole range", func() (float64, float64) {
			x := draw(rng, 1e-320, 1e308)
			return x, draw(rng, -745, 709) / math.Log(x)
		}},
		{"whole powers", func() (float64, float64) { return draw(rng, -30, 30), math.Floor(draw(rng, -150, 150)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			worst, at := 0.0, [2]float64{}
			for range points {
				x, y := c.draw()
				want := bigExp(mul(toBig(y), bigLog(toBig(math.Abs(x)))))
				if x < 0 && math.Mod(y, 2) != 0 {
					want.Neg(want)
				}
				if d := ulps(Pow(x, y), want); !(d <= worst) {
					worst, at = d, [2]float64{x, y}
				}
			}
			t.Logf("worst %.3f ulp at %g", worst, at)
			if !(worst <= bound) {
				t.Errorf("Pow(%g, %g) = %g, off by %.3f ulp, bound %d", at[0], at[1], Pow(at[0], at[1]), worst, bound)
			}
		})
	}
}

// Arguments near a multiple of π/2 lose the most digits in the reduction.
// 6381956970095103·2⁷⁹⁷ is the float64 nearest to such a multiple (Muller 2016, Elementary Functions, section 11.3).
func TestSinNearMultiplesOfHalfPi(t *testing.T) {
	const bound = 1
	check := func(x float64) {
		t.Helper()
		for _, f := range []struct {
			name string
			fn   func(float64) float64
			ref  func(*big.Float) *big.Float
		}{{"Sin", Sin, bigSin}, {"Cos", Cos, bigCos}} {
			if d := ulps(f.fn(x), f.ref(toBig(x))); !(d <= bound) {
				t.Errorf("%s(%g) = %g, off by %g ulp, bound %d", f.name, x, f.fn(x), d, bound)
			}
		}
	}
	check(math.Ldexp(6381956970095103, 797))
	check(math.MaxFloat64)
	for n := 1; n < 1<<40; n += n/7 + 1 {
		x, _ := mul(toBig(float64(n)*0.5), newBig().Set(bigPi)).Float64()
		check(x)
		check(-math.Nextafter(x, 0))
	}
	for _, x := range []float64{math.Pi / 4, 0x1p20} { // where the method changes
		check(math.Nextafter(x, 0))
		check(x)
		check(math.Nextafter(x, math.Inf(1)))
	}
}

func TestTwoOverPi(t *testing.T) {
	wide := func() *big.Float { return new(big.Float).SetPrec(1600) }
	q := wide().Quo(wide().SetInt64(2), bigPi)
	for i, got := range twoOverPi[1:] {
		q.SetMantExp(q, 64)
		digits, _ := q.Int(nil)
		if want := digits.Uint64(); got != want {
			t.Errorf("twoOverPi[%d] = %#x, want %#x", i+1, got, want)
		}
		q.Sub(q, wide().SetInt(digits))
	}
}

func TestReferencesAgreeWithMath(t *testing.T) {
	for _, x := range []float64{0.1, 0.75, 1.5, 3.25, 5.5} {
		for _, f := range []struct {
			name string
			ref  *big.Float
			want float64
		}{
			{"exp", bigExp(toBig(x)), math.Exp(x)},
			{"log", bigLog(toBig(x)), math.Log(x)},
			{"sin", bigSin(toBig(-x)), math.Sin(-x)},
			{"cos", bigCos(toBig(x * 1000)), math.Cos(x * 1000)},
			{"tanh", bigTanh(toBig(x)), math.Tanh(x)},
			{"erf", bigErf(toBig(x)), math.Erf(x)},
		} {
			if got, _ := f.ref.Float64(); !(math.Abs(got-f.want) <= 1e-14*math.Abs(f.want)) {
				t.Errorf("%s(%g): the reference returns %g, math %g", f.name, x, got, f.want)
			}
		}
	}
}

func BenchmarkFloat64(b *testing.B) {
	for _, f := range []struct {
		name      string
		num, math func(float64) float64
	}{
		{"Exp", Exp, math.Exp}, {"Expm1", Expm1, math.Expm1},
		{"Log", Log, math.Log}, {"Log1p", Log1p, math.Log1p},
		{"Sin", Sin, math.Sin}, {"Cos", Cos, math.Cos},
		{"Tanh", Tanh, math.Tanh}, {"Erf", Erf, math.Erf},
		{"Pow7", func(x float64) float64 { return Pow(x, 7.3) }, func(x float64) float64 { return math.Pow(x, 7.3) }},
		{"SincosPi", func(x float64) float64 { s, c := SincosPi(x); return s + c },
			func(x float64) float64 { s, c := math.Sincos(x * math.Pi); return s + c }},
	} {
		for i, fn := range []func(float64) float64{f.num, f.math} {
			b.Run(fmt.Sprintf("%s/impl=%s", f.name, []string{"num", "math"}[i]), func(b *testing.B) {
				x, sum := 0.1, 0.0
				for b.Loop() {
					if x += 0.001; x > 5 {
						x = 0.1
					}
					sum += fn(x)
				}
				sink64 = sum
			})
		}
	}
}

var sink64 float64
