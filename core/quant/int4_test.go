package quant

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tweedie/core/num"
)

// TestInt4Packing holds the layout: two rows to a byte, the first in the low half.
func TestInt4Packing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rows  int
		codes []int8
		want  []byte
	}{
		{"nothing", 0, nil, nil},
		{"one row", 1, []int8{-8, 7}, []byte{0, 15}},
		{"two rows", 2, []int8{-8, 7, 0, 1}, []byte{0x80, 0x9f}},
		{"odd", 3, []int8{1, 2, 3}, []byte{0xa9, 0x0b}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]byte, len(tt.want))
			PackInt4(got, tt.codes, tt.rows)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %x, want %x", got, tt.want)
			}
			scales := make([]float32, tt.rows)
			for i := range scales {
				scales[i] = 0.5
			}
			back := make([]float32, len(tt.codes))
			DequantizeInt4(back, got, scales, tt.rows)
			for i, c := range tt.codes {
				if back[i] != float32(c)/2 {
					t.Errorf("number %d is %g, want %g", i, back[i], float32(c)/2)
				}
			}
		})
	}
}

// TestInt4Bound holds every weight to half a step of its group's scale, unless it is
// clipped, and the scale to the group's largest weight.
func TestInt4Bound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	for range 200 {
		rows, cols := 1+rng.IntN(5), 1+rng.IntN(100)
		size := math.Exp2(float64(rng.IntN(24) - 12))
		w := make([]float32, rows*cols)
		for i := range w {
			w[i] = float32(size * rng.NormFloat64())
		}
		g := Groups(cols)
		codes, scales, back := make([]byte, (rows+1)/2*cols), make([]float32, rows*g), make([]float32, len(w))
		if err := QuantizeInt4(codes, scales, w, nil, rows); err != nil {
			t.Fatal(err)
		}
		if err := CheckInt4(scales); err != nil {
			t.Fatal(err)
		}
		DequantizeInt4(back, codes, scales, rows)
		for i, v := range w {
			s := float64(scales[i/cols*g+i%cols/Group])
			inside := float64(v) >= MinInt4*s && float64(v) <= MaxInt4*s
			if diff := math.Abs(float64(v) - float64(back[i])); inside && !(diff <= s/2*(1+0x1p-20)) {
				t.Fatalf("weight %d = %g: got %g at scale %g", i, v, back[i], s)
			}
		}
	}
}

// TestInt4ScaleIsBest compares the scale with every float16: none is better by more
// than the coarseness allows.
func TestInt4ScaleIsBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 4))
	for range 20 {
		group, importance := make([]float32, Group), make([]float32, Group)
		for i := range group {
			group[i], importance[i] = float32(rng.NormFloat64()), float32(rng.ExpFloat64())
		}
		got := int4Error(group, importance, Int4Scale(group, importance))
		least := math.Inf(1)
		for h := uint16(1); h < 0x7c00; h++ {
			least = min(least, int4Error(group, importance, num.FromFloat16(h)))
		}
		if !(got <= 1.3*least) {
			t.Errorf("error %g, the best scale reaches %g", got, least)
		}
	}
}

// TestInt4ImportanceCounts: what weighs nothing may be clipped away.
func TestInt4ImportanceCounts(t *testing.T) {
	group, importance := []float32{1, 0.3, 0.3, 0.3, 0.3}, []float32{0, 1, 1, 1, 1}
	s := Int4Scale(group, importance)
	if plain := Int4Scale(group, nil); int4Error(group, importance, s) > int4Error(group, importance, plain) {
		t.Errorf("scale %g is worse than %g, which minds what does not count", s, plain)
	}
}

// TestInt4Small: weights near and below the smallest float16.
func TestInt4Small(t *testing.T) {
	for _, v := range []float32{0, 0x1p-30, 0x1p-24, 3e-6, 0x1p-14} {
		w, back := []float32{v, -v / 2}, make([]float32, 2)
		codes, scales := make([]byte, 2), make([]float32, 1)
		if err := QuantizeInt4(codes, scales, w, nil, 1); err != nil {
			t.Fatal(err)
		}
		DequantizeInt4(back, codes, scales, 1)
		for i := range w {
			if d := math.Abs(float64(w[i] - back[i])); !(d <= max(0x1p-24, float64(v)/10)) {
				t.Errorf("%g: number %d is %g, want %g", v, i, back[i], w[i])
			}
		}
	}
}

func TestInt4Errors(t *testing.T) {
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e6} {
		err := QuantizeInt4(make([]byte, 2), make([]float32, 2), []float32{1, 2, 3, v}, nil, 2)
		if err == nil || !strings.HasPrefix(err.Error(), "quant: weights must be finite and below") || !strings.HasSuffix(err.Error(), "in row 1)") {
			t.Errorf("%g: got error %v", v, err)
		}
	}
	for _, s := range []float32{-1, float32(math.NaN()), float32(math.Inf(1)), 65505, 0.1} {
		if err := CheckInt4([]float32{1, s}); err == nil || !strings.HasPrefix(err.Error(), "scale of group 1 must be a float16 in [0, 65504] (got ") {
			t.Errorf("scale %g: got %v, want an error", s, err)
		}
	}
}

// TestInt4SameBits pins a fixed matrix, so that targets are compared through one number.
func TestInt4SameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	w := make([]float32, 63*45)
	for i := range w {
		w[i] = float32(rng.IntN(2001)-1000) / 977
	}
	codes, scales := make([]byte, 32*45), make([]float32, 63*2)
	if err := QuantizeInt4(codes, scales, w, nil, 63); err != nil {
		t.Fatal(err)
	}
	DequantizeInt4(w, codes, scales, 63)
	const want = "dd7a5fc8c2e63486b835d55dada49fa5bf6543cac5267991622ec9b20a74fa2f"
	if got := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, codes, w))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
