package lazytensor

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"tweedie/weights"
)

func of(dtype weights.DType, data []byte) *Tensor {
	return &Tensor{Name: "w", DType: dtype, Shape: []int{len(data) / dtype.Size()}, Read: func() ([]byte, error) { return data, nil }}
}

// TestFloat8 compares the 8-bit floats with the tables of their standard (OFP8, 2023, table 2;
// microscaling formats, 2023, section 5.4).
func TestFloat8(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for dtype, values := range map[weights.DType]map[byte]float64{
		"F8_E4M3": {0x00: 0, 0x01: 0x1p-9, 0x07: 0.875 * 0x1p-6, 0x08: 0x1p-6, 0x38: 1, 0xb8: -1, 0x7e: 448, 0x7f: nan, 0xff: nan},
		"F8_E5M2": {0x00: 0, 0x01: 0x1p-16, 0x03: 0.75 * 0x1p-14, 0x04: 0x1p-14, 0x3c: 1, 0xbc: -1, 0x7b: 57344, 0x7c: inf, 0xfc: -inf, 0x7d: nan},
		"F8_E8M0": {0x00: 0x1p-127, 0x7f: 1, 0x80: 2, 0xfe: 0x1p127, 0xff: nan},
	} {
		for b, want := range values {
			got, err := of(dtype, []byte{b}).Float32()
			if err != nil {
				t.Fatal(err)
			}
			if g := float64(got[0]); g != want && !(math.IsNaN(g) && math.IsNaN(want)) {
				t.Errorf("%s %#02x: got %g, want %g", dtype, b, g, want)
			}
		}
	}
}

// TestFloat32Refuses: a number beyond the range of float32 is an error and does not become
// infinite.
func TestFloat32Refuses(t *testing.T) {
	double := func(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
	for _, tt := range []struct {
		name, want string
		tensor     *Tensor
	}{
		{"large", `number 0 is 1e+300, which is beyond the range of float32`, of(weights.F64, double(1e300))},
		{"infinite", "", of(weights.F64, double(math.Inf(-1)))},
		{"largest", "", of(weights.F64, double(math.MaxFloat32))},
		{"complex", "must be of real numbers", of("C64", make([]byte, 16))},
		{"short", "4 bytes of F32, shape [2] needs 8", &Tensor{Name: "w", DType: weights.F32, Shape: []int{2}, Read: func() ([]byte, error) { return make([]byte, 4), nil }}},
	} {
		_, err := tt.tensor.Float32()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
}
