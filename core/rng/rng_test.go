package rng

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"tweedie/core/num"
)

// The known answers for philox4x32-10 of the Random123 distribution, file kat_vectors.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}, // digits of π
	} {
		w0, w1, w2, w3 := philox(c.counter[0], c.counter[1], c.counter[2], c.counter[3], c.key[0], c.key[1])
		if got := [4]uint32{w0, w1, w2, w3}; got != c.want {
			t.Errorf("philox(%#x, %#x) = %#x, want %#x", c.counter, c.key, got, c.want)
		}
	}
}

// The layout of the address is part of the contract: the third known answer, read
// through the public function.
func TestAddress(t *testing.T) {
	want := []uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}
	got := make([]uint32, 4)
	Uint32sAt(got, 0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3, 4*0x243f6a88)
	if !slices.Equal(got, want) {
		t.Errorf("Uint32sAt = %#x, want %#x", got, want)
	}
}

// at is one of the three drawing functions.
type at[T any] func(dst []T, seed, sample uint64, stream uint32, position uint64)

func draw[T any](fn at[T], n int, seed, sample uint64, stream uint32, position uint64) []T {
	dst := make([]T, n)
	fn(dst, seed, sample, stream, position)
	return dst
}

func testParts[T comparable](t *testing.T, fn at[T], first func([]T, uint64, uint64, uint32)) {
	const n = 37
	whole := draw(fn, n, 1, 2, 3, 0)
	for k := range n + 1 {
		short := make([]T, k)
		first(short, 1, 2, 3)
		if !slices.Equal(short, whole[:k]) {
			t.Errorf("the first %d numbers depend on how many are drawn", k)
		}
		for p := range n - k + 1 {
			if !slices.Equal(draw(fn, k, 1, 2, 3, uint64(p)), whole[p:p+k]) {
				t.Errorf("%d numbers at %d differ from those of the whole", k, p)
			}
		}
	}
	last := draw(fn, 6, 1, 2, 3, positions-6)
	if !slices.Equal(draw(fn, 1, 1, 2, 3, positions-1), last[5:]) {
		t.Error("the last position differs when drawn alone")
	}
}

// A number depends on its address alone: not on how many are drawn, nor where a draw starts.
func TestPartsOfTheWhole(t *testing.T) {
	t.Run("Uint32s", func(t *testing.T) { testParts(t, Uint32sAt, Uint32s) })
	t.Run("Uniform", func(t *testing.T) { testParts(t, UniformAt, Uniform) })
	t.Run("Normal", func(t *testing.T) { testParts(t, NormalAt, Normal) })
}

func TestPositionLimit(t *testing.T) {
	for _, c := range []struct {
		position uint64
		n        int
		panics   bool
	}{{positions - 3, 3, false}, {positions, 0, false}, {positions - 3, 4, true}, {positions, 1, true}, {math.MaxUint64, 2, true}} {
		func() {
			defer func() {
				if got := recover() != nil; got != c.panics {
					t.Errorf("%d numbers at %d: panics is %v, want %v", c.n, c.position, got, c.panics)
				}
			}()
			draw(NormalAt, c.n, 0, 0, 0, c.position)
		}()
	}
}

func TestNoAllocation(t *testing.T) {
	dst := make([]float32, 1001)
	if n := testing.AllocsPerRun(10, func() { Normal(dst, 1, 2, 3); Uniform(dst, 1, 2, 3) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// kolmogorov returns √n times the largest distance between the empirical distribution
// of x, which it sorts, and cdf.
func kolmogorov(x []float32, cdf func(float64) float64) float64 {
	slices.Sort(x)
	n, worst := float64(len(x)), 0.0
	for i, v := range x {
		p := cdf(float64(v))
		worst = max(worst, p-float64(i)/n, float64(i+1)/n-p)
	}
	return worst * math.Sqrt(n)
}

// kolmogorovBound is passed once in 1000 seeds (Kolmogorov's limit distribution).
const kolmogorovBound = 1.95

func TestUniformDistribution(t *testing.T) {
	for seed := range uint64(4) {
		x := draw(UniformAt, 1<<18, seed, 5, 0, 0)
		if d := kolmogorov(x, func(v float64) float64 { return v }); !(d <= kolmogorovBound) {
			t.Errorf("seed %d: √n·D = %.3f, bound %g", seed, d, kolmogorovBound)
		}
		if x[0] < 0 || x[len(x)-1] >= 1 { // sorted
			t.Errorf("seed %d: from %g to %g, need [0, 1)", seed, x[0], x[len(x)-1])
		}
	}
	if got := unit(math.MaxUint32); got != 1-0x1p-24 {
		t.Errorf("the largest uniform number is %v, want 1 − 2⁻²⁴", got)
	}
}

func TestNormalDistribution(t *testing.T) {
	const n = 1 << 18
	cdf := func(v float64) float64 { return (1 + num.Erf(v/math.Sqrt2)) / 2 }
	for seed := range uint64(4) {
		x := draw(NormalAt, n, seed, 5, 0, 0)
		// The moments of N(0,1), each within 4 of its own standard deviations.
		for _, m := range []struct {
			power          int
			want, variance float64
		}{{1, 0, 1}, {2, 1, 2}, {3, 0, 15}, {4, 3, 96}} {
			sum := 0.0
			for _, v := range x {
				sum += math.Pow(float64(v), float64(m.power))
			}
			bound := 4 * math.Sqrt(m.variance/n)
			if got := sum / n; !(math.Abs(got-m.want) <= bound) {
				t.Errorf("seed %d: moment %d is %.5f, want %g within %.5f", seed, m.power, got, m.want, bound)
			}
		}
		if d := kolmogorov(x, cdf); !(d <= kolmogorovBound) {
			t.Errorf("seed %d: √n·D = %.3f, bound %g", seed, d, kolmogorovBound)
		}
	}
}

// The words that give the extremes of Box and Muller's transform.
func TestNormalExtremes(t *testing.T) {
	if a, b := boxMuller(0, 0); !(6.76 < a && a < 6.77) || b != 0 {
		t.Errorf("boxMuller(0, 0) = %v, %v, want 6.763, 0", a, b)
	}
	if a, b := boxMuller(math.MaxUint32, 1<<31); !(-2e-5 < a && a < 0) || b != 0 {
		t.Errorf("boxMuller(2³²−1, 2³¹) = %v, %v, want about −1.5e-5, 0", a, b)
	}
}

// Neighbouring addresses share nothing: correlations of n pairs stay within 4/√n.
func TestNeighboursAreUncorrelated(t *testing.T) {
	const n, bound = 1 << 16, 4
	base := draw(NormalAt, n, 7, 7, 7, 0)
	for _, c := range []struct {
		name         string
		seed, sample uint64
		stream       uint32
		position     uint64
	}{
		{"next seed", 8, 7, 7, 0}, {"seed of another high word", 7 | 1<<32, 7, 7, 0},
		{"next sample", 7, 8, 7, 0}, {"sample of another high word", 7, 7 | 1<<32, 7, 0},
		{"next stream", 7, 7, 8, 0}, {"far stream", 7, 7, 7 | 1<<20, 0},
		{"next position", 7, 7, 7, 1}, {"position after next", 7, 7, 7, 2}, {"next block", 7, 7, 7, 4},
		{"a row further", 7, 7, 7, 28}, {"next seed, last sample", 8, 6, 7, 0},
	} {
		other := draw(NormalAt, n, c.seed, c.sample, c.stream, c.position)
		product, squares := 0.0, 0.0
		for i, v := range base {
			w := float64(other[i])
			product += float64(v) * w
			squares += (float64(v)*float64(v) - 1) * (w*w - 1) / 2
		}
		for name, sum := range map[string]float64{"": product, " of squares": squares} {
			if r := sum / math.Sqrt(n); !(math.Abs(r) <= bound) {
				t.Errorf("%s: correlation%s is %.2f/√n, bound %d", c.name, name, r, bound)
			}
		}
	}
}

// TestSameBits holds every target to the digest of what was computed natively.
func TestSameBits(t *testing.T) {
	h := sha256.New()
	for seed := range uint64(8) {
		x := draw(NormalAt, 50000, seed<<40|seed, seed<<33|3, uint32(seed), seed)
		x = append(x, draw(UniformAt, 1000, seed, 3, uint32(seed), seed)...)
		if err := binary.Write(h, binary.LittleEndian, x); err != nil {
			t.Fatal(err)
		}
	}
	const want = "cd72d0c479c40ef92ae07186b3afb0aed453b0a201e259e05064edc2fcc24e8f"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("the digest of all numbers is %s, want %s", got, want)
	}
}

func ExampleNormal() {
	x := make([]float32, 4)
	Normal(x, 7, 0, 0) // seed 7, first sample, initial noise
	fmt.Println(x)
	NormalAt(x[:2], 7, 0, 0, 2) // its positions 2 and 3 again
	fmt.Println(x[:2])
	// Output:
	// [0.0002915674 -0.30484697 1.7887573 1.0678725]
	// [1.7887573 1.0678725]
}

func BenchmarkNormal(b *testing.B) {
	dst := make([]float32, 100_000)
	b.SetBytes(int64(4 * len(dst)))
	for b.Loop() {
		Normal(dst, 1, 2, 3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(dst)), "ns/number")
}

func BenchmarkUniform(b *testing.B) {
	dst := make([]float32, 100_000)
	b.SetBytes(int64(4 * len(dst)))
	for b.Loop() {
		Uniform(dst, 1, 2, 3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(dst)), "ns/number")
}
