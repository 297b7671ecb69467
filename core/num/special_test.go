package num

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"testing"
)

// sameFloat reports whether a and b have the same bits or are both NaN.
func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

func TestSpecialValues(t *testing.T) {
	inf, nan, negZero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	sinPi := func(x float64) float64 { s, _ := SincosPi(x); return s }
	cosPi := func(x float64) float64 { _, c := SincosPi(x); return c }
	for _, f := range []struct {
		name  string
		fn    func(float64) float64
		cases [][2]float64 // argument, result
	}{
		{"Exp", Exp, [][2]float64{{0, 1}, {negZero, 1}, {inf, inf}, {-inf, 0}, {nan, nan}, {709.7827128933841, inf},
			{709.782712893384, 1.7976931348622732e308}, {-745.14, 0}, {-745.1, 5e-324}, {1e308, inf}, {-1e308, 0}, {5e-324, 1}}},
		{"Expm1", Expm1, [][2]float64{{0, 0}, {negZero, negZero}, {inf, inf}, {-inf, -1}, {nan, nan}, {710, inf},
			{-1e300, -1}, {5e-324, 5e-324}, {-1e-310, -1e-310}, {1e-100, 1e-100}}},
		{"Log", Log, [][2]float64{{1, 0}, {0, -inf}, {negZero, -inf}, {-1, nan}, {-inf, nan}, {inf, inf}, {nan, nan}}},
		{"Log1p", Log1p, [][2]float64{{0, 0}, {negZero, negZero}, {-1, -inf}, {-1.5, nan}, {-inf, nan}, {inf, inf},
			{nan, nan}, {5e-324, 5e-324}, {-1e-310, -1e-310}, {1e-100, 1e-100}}},
		{"Sin", Sin, [][2]float64{{0, 0}, {negZero, negZero}, {inf, nan}, {-inf, nan}, {nan, nan}, {5e-324, 5e-324}}},
		{"Cos", Cos, [][2]float64{{0, 1}, {negZero, 1}, {inf, nan}, {-inf, nan}, {nan, nan}, {5e-324, 1}}},
		{"sinPi", sinPi, [][2]float64{{0, 0}, {0.5, 1}, {-0.5, -1}, {1.5, -1}, {1e6 + 0.5, 1}, {inf, nan}, {nan, nan}}},
		{"cosPi", cosPi, [][2]float64{{0, 1}, {1, -1}, {2, 1}, {-3, -1}, {1e9, 1}, {inf, nan}, {nan, nan}}},
		{"Tanh", Tanh, [][2]float64{{0, 0}, {negZero, negZero}, {inf, 1}, {-inf, -1}, {nan, nan}, {1e300, 1}, {-30, -1}, {5e-324, 5e-324}}},
		{"Erf", Erf, [][2]float64{{0, 0}, {negZero, negZero}, {inf, 1}, {-inf, -1}, {nan, nan}, {7, 1}, {-1e300, -1}, {5e-324, 5e-324}}},
	} {
		for _, c := range f.cases {
			if got := f.fn(c[0]); !sameFloat(got, c[1]) {
				t.Errorf("%s(%v) = %v, want %v", f.name, c[0], got, c[1])
			}
		}
	}
}

// For every pair of these values the power is exact or a special case, on which math.Pow
// and C99 agree.
func TestPowSpecialValues(t *testing.T) {
	inf := math.Inf(1)
	values := []float64{0, 0.5, 1, 2, 3, 4, 0x1p52 + 1, 0x1p53, 0x1p-1074, math.MaxFloat64, inf, math.NaN()}
	for _, v := range values[:len(values)-1] {
		values = append(values, -v)
	}
	for _, x := range values {
		for _, y := range values {
			got, want := Pow(x, y), math.Pow(x, y)
			if sameFloat(got, want) {
				continue
			}
			if !(math.Abs(got-want) <= 4e-16*math.Abs(want)) { // √3 and the like
				t.Errorf("Pow(%v, %v) = %v, want %v", x, y, got, want)
			}
		}
	}
	for _, c := range [][3]float64{
		{-1, inf, 1}, {-1, -inf, 1}, {-2, 3, -8}, {-2, 0.5, math.NaN()}, {10, 308, 1e308}, {10, 309, inf},
		{-10, 309, -inf}, {10, -324, 0}, {0x1p-1074, 1, 0x1p-1074}, {1.5, 2, 2.25}, {9, 0.5, 3}, {7, 1, 7},
		{2, 1023, 0x1p1023}, {2, 1024, inf}, {2, -1074, 0x1p-1074}, {2, -1076, 0}, {-2, -1077, math.Copysign(0, -1)},
	} {
		if got := Pow(c[0], c[1]); !sameFloat(got, c[2]) {
			t.Errorf("Pow(%v, %v) = %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

// TestSameBits checks that every target returns the same results: the digest below was
// computed natively and is compared on every target that runs the test.
func TestSameBits(t *testing.T) {
	h := sha256.New()
	state := uint64(1)
	next := func() uint64 { // Knuth's MMIX generator; its high bits are good enough here
		state = state*6364136223846793005 + 1442695040888963407
		return state>>32 | state<<32
	}
	for range 20000 {
		hashAll(h, next)
	}
	const want = "71c0631b058da98a30d4b7c7d18a1f2535643a8b5fc02043f5ddec87a07a7bcf"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("digest of all results: got %s, want %s", got, want)
	}
}

// hashAll writes to h the result of each function for numbers of every size and sign.
func hashAll(h hash.Hash, next func() uint64) {
	var buf [8]byte
	put := func(y float64) {
		b := math.Float64bits(y)
		if y != y { // the bits of a NaN may differ
			b = math.Float64bits(math.NaN())
		}
		binary.LittleEndian.PutUint64(buf[:], b)
		h.Write(buf[:])
	}
	raw := math.Float64frombits(next())                   // any exponent
	unit := float64(float64(next()>>11) * 0x1p-53)        // [0, 1)
	wide := float64((unit - 0.5) * 1500)                  // the range of Exp
	near := float64(float64(int64(next())>>11) * 0x1p-50) // [−8, 8)
	for _, x := range []float64{raw, unit, wide, near} {
		for _, fn := range []func(float64) float64{Exp, Expm1, Log, Log1p, Sin, Cos, Tanh, Erf} {
			put(fn(x))
		}
		s, c := SincosPi(x)
		put(s)
		put(c)
		put(Pow(math.Abs(x), near))
		put(Pow(x, math.Floor(near)))
		put(float64(Exp32(float32(x))))
		put(float64(Sigmoid32(float32(x))))
		put(float64(FromFloat16(ToFloat16(float32(x)))))
		put(float64(FromBFloat16(ToBFloat16(float32(x)))))
	}
}
