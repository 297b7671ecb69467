package quant

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestInt8Codes(t *testing.T) {
	tests := []struct {
		name   string
		w      []float32
		rows   int
		codes  []int8
		scales []float32
	}{
		{"empty", nil, 0, nil, nil},
		{"empty rows", nil, 2, nil, []float32{0, 0}},
		{"zero row", []float32{0, 0, 127, -127}, 2, []int8{0, 0, 127, -127}, []float32{0, 1}},
		{"negative zero", []float32{float32(math.Copysign(0, -1))}, 1, []int8{0}, []float32{0}},
		// Scale 1, so the weights are the quotients: ties go to the even code.
		{"ties to even", []float32{127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5}, 1, []int8{127, 0, 2, 2, 0, -2, -2}, []float32{1}},
		{"rows apart", []float32{1, 0, 0, 100}, 2, []int8{127, 0, 0, 127}, []float32{1.0 / 127, 100.0 / 127}},
		{"underflow", []float32{math.SmallestNonzeroFloat32}, 1, []int8{0}, []float32{0}},
		// The smallest scale there is: 190 needs 1.5 of it, and the code must not overflow.
		{"coarse scale", []float32{127 * math.SmallestNonzeroFloat32, 190 * math.SmallestNonzeroFloat32}, 2, []int8{127, 127}, []float32{math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat32}},
		{"largest", []float32{math.MaxFloat32, -math.MaxFloat32}, 1, []int8{127, -127}, []float32{MaxScale}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codes, scales := make([]int8, len(tt.w)), make([]float32, tt.rows)
			if err := QuantizeInt8(codes, scales, tt.w, MaxCode); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(codes, tt.codes) || !slices.Equal(scales, tt.scales) {
				t.Errorf("got codes %v, scales %v; want %v, %v", codes, scales, tt.codes, tt.scales)
			}
			if err := CheckInt8(codes, scales); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInt8Bound holds the bound of QuantizeInt8's comment over magnitudes from the
// smallest normal scale to the largest.
func TestInt8Bound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rows, cols := 1+rng.IntN(5), 1+rng.IntN(70)
		size := math.Exp2(float64(rng.IntN(230) - 105))
		w := make([]float32, rows*cols)
		for i := range w {
			w[i] = float32(size * rng.NormFloat64())
		}
		codes, scales, back := make([]int8, len(w)), make([]float32, rows), make([]float32, len(w))
		if err := QuantizeInt8(codes, scales, w, MaxCode); err != nil {
			t.Fatal(err)
		}
		DequantizeInt8(back, codes, scales)
		for i, v := range w {
			s := float64(scales[i/cols])
			got, bound := math.Abs(float64(v)-float64(codes[i])*s), s*(0.5+0x1p-45)
			if !(got <= bound) {
				t.Fatalf("weight %d = %g: code %d, scale %g: off by %g, bound %g", i, v, codes[i], s, got, bound)
			}
			if want := float32(codes[i]) * scales[i/cols]; back[i] != want {
				t.Fatalf("weight %d: dequantized %g, want %g", i, back[i], want)
			}
		}
	}
}

// TestInt8Again: codes are a fixed point, as quantizing a model twice
// must not wear it down.
func TestInt8Again(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	w := make([]float32, 8*100)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	codes, scales, back := make([]int8, len(w)), make([]float32, 8), make([]float32, len(w))
	if err := QuantizeInt8(codes, scales, w, MaxCode); err != nil {
		t.Fatal(err)
	}
	DequantizeInt8(back, codes, scales)
	codes2, scales2 := make([]int8, len(w)), make([]float32, 8)
	if err := QuantizeInt8(codes2, scales2, back, MaxCode); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(codes, codes2) {
		t.Error("codes change when a quantized tensor is quantized again")
	}
}

// TestInt8SameBits pins codes and scales of a fixed matrix, so that native and
// wasm, whatever the vector width, are compared through one number.
func TestInt8SameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	w := make([]float32, 64*9)
	for i := range w {
		w[i] = float32(rng.IntN(2001)-1000) / 977
	}
	codes, scales := make([]int8, len(w)), make([]float32, 64)
	if err := QuantizeInt8(codes, scales, w, MaxCode); err != nil {
		t.Fatal(err)
	}
	var bits []uint32
	for _, s := range scales {
		bits = append(bits, math.Float32bits(s))
	}
	const want = "513e6fad14291c4a93ebd1e2146b3158ec4bd724a666bbe142d2331458e179f8"
	if got := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, codes, bits))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInt8Errors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, tt := range []struct {
		name, want string
		w          []float32
	}{
		{"NaN", "quant: weights must be finite (got NaN at [1,0])", []float32{1, 2, nan, 4}},
		{"NaN last", "quant: weights must be finite (got NaN at [1,1])", []float32{1, 2, 3, nan}},
		{"infinite", "quant: weights must be finite (got an infinite one in row 0)", []float32{inf, 2, 3, 4}},
	} {
		err := QuantizeInt8(make([]int8, 4), make([]float32, 2), tt.w, MaxCode)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, tt := range []struct {
		name, want string
		codes      []int8
		scales     []float32
	}{
		{"code", "code [1,0] must be in [-127, 127] (got -128)", []int8{1, -128}, []float32{1, 1}},
		{"NaN scale", "scale of row 0 must be in [0, 2.6793884e+36] (got NaN)", []int8{1}, []float32{nan}},
		{"infinite scale", "scale of row 0 must be in [0, 2.6793884e+36] (got -Inf)", []int8{1}, []float32{inf}},
		{"negative scale", "scale of row 0 must be in [0, 2.6793884e+36] (got -1)", []int8{1}, []float32{-1}},
		{"large scale", "scale of row 0 must be in [0, 2.6793884e+36] (got 2.6793887e+36)", []int8{1}, []float32{math.Nextafter32(MaxScale, math.MaxFloat32)}},
	} {
		err := CheckInt8(tt.codes, tt.scales)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	if over := float64(MaxCode) * float64(MaxScale); !(over <= math.MaxFloat32) {
		t.Errorf("MaxCode·MaxScale = %g, need at most %g", over, math.MaxFloat32)
	}
}

// TestCheckInt8Places puts one code of −128 at every place of a row among the
// codes that look most like it.
func TestCheckInt8Places(t *testing.T) {
	for _, like := range []int8{-127, 0, 127, -1, 1} {
		for n := 1; n < 20; n++ {
			for at := range n {
				codes := make([]int8, n)
				for i := range codes {
					codes[i] = like
				}
				if err := CheckInt8(codes, []float32{1}); err != nil {
					t.Fatalf("%d codes of %d: got %v, want nil", n, like, err)
				}
				codes[at] = -128
				want := fmt.Sprintf("code [0,%d] must be in [-127, 127] (got -128)", at)
				if err := CheckInt8(codes, []float32{1}); err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Fatalf("%d codes of %d: got %v, want %q", n, like, err, want)
				}
			}
		}
	}
}
