package weights

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestQuantize(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := make([]float32, 8*5*3*3)
	for i := range data {
		data[i] = float32(rng.NormFloat64()) * float32(1+i/45)
	}
	for _, d := range []DType{F32, F16, I8, I4} {
		q, err := Quantize("w", []int{8, 5, 3, 3}, data, Storage{DType: d})
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := dataSize(d, q.Shape); q.DType != d || len(q.Data) != size {
			t.Errorf("%s: got %s, %d bytes", d, q.DType, len(q.Data))
		}
		back, err := q.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range data {
			bound := 0.0
			switch d {
			case F16: // half a unit in the last of 11 bits, or half of the smallest number
				bound = max(math.Abs(float64(v))*0x1p-11, 0x1p-25)
			case I4: // the scale may clip the largest weights of a group
				bound = 4 * float64(q.Scale[i/45*2+i%45/32])
			case I8: // half a step, and float32's rounding of the product
				bound = float64(q.Scale[i/45])*(0.5+0x1p-45) + math.Abs(float64(back[i]))*0x1p-24
			}
			if diff := math.Abs(float64(back[i]) - float64(v)); !(diff <= bound) {
				t.Fatalf("%s: number %d: got %g, want %g: off by %g, bound %g", d, i, back[i], v, diff, bound)
			}
		}
	}
}

func TestQuantizeVectors(t *testing.T) {
	for _, shape := range [][]int{nil, {1}} {
		q, err := Quantize("bias", shape, []float32{0.3}, Storage{DType: I8})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := q.Float32(); q.DType != F32 || q.Scale != nil || err != nil || !slices.Equal(back, []float32{0.3}) {
			t.Errorf("shape %v: got %+v, want F32", shape, q)
		}
	}
}

func TestQuantizeRefuses(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, tt := range []struct {
		name, want string
		shape      []int
		data       []float32
		d          DType
	}{
		{"type", `type must be F32, F16, I8 or I4 (got "BF16")`, []int{1}, []float32{1}, BF16},
		{"shape", "2 numbers for shape [3], which has 3", []int{3}, []float32{1, 2}, F32},
		{"negative", "shape [-1 -2] is out of range", []int{-1, -2}, []float32{1, 2}, F32},
		{"overflow", "shape [4611686018427387904 4] is out of range", []int{1 << 62, 4}, nil, F32},
		{"axes", "shape must have at most 8 axes (got 9)", make([]int, 9), nil, F32},
		{"empty", "axis 0 of shape [0] must be at least 1 (got 0)", []int{0}, nil, F32},
		{"half overflow", "number 0 of 1 is NaN or infinite (bits 0x7c00)", []int{1}, []float32{65520}, F16},
		{"infinite", "number 1 of 2 is NaN or infinite (bits 0x7f800000)", []int{2}, []float32{0, inf}, F32},
		{"infinite codes", "weights must be finite", []int{1, 2}, []float32{0, inf}, I8},
		{"no axis", "axis 0 of shape [0 3] must be at least 1 (got 0)", []int{0, 3}, nil, I8},
	} {
		_, err := Quantize("w", tt.shape, tt.data, Storage{DType: tt.d})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `weights: tensor "w"`) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestQuantizeLevels: levels bounds the codes, and the error is at most half of the
// coarser step.
func TestQuantizeLevels(t *testing.T) {
	data := []float32{1, -0.5, 0.26, 0.1, -4, 3, 0.01, 2}
	for _, levels := range []int{1, 7, 90, 127} {
		q, err := Quantize("w", []int{2, 4}, data, Storage{DType: I8, Levels: levels})
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if c := int(q.Codes()[i]); c < -levels || c > levels {
				t.Errorf("levels %d: code %d is %d", levels, i, c)
			}
			if d := math.Abs(float64(v - data[i])); !(d <= float64(q.Scale[i/4])*0.500001) {
				t.Errorf("levels %d: weight %d is %g, need %g to half of %g", levels, i, v, data[i], q.Scale[i/4])
			}
		}
	}
	for _, levels := range []int{-1, 128} {
		if _, err := Quantize("w", []int{2, 4}, data, Storage{DType: I8, Levels: levels}); err == nil {
			t.Errorf("levels %d: no error", levels)
		}
	}
}
