package quantize

import (
	"bytes"
	"testing"
)

// TestHuffmanBytes compares sizes with codes worked out by hand.
func TestHuffmanBytes(t *testing.T) {
	repeat := func(counts ...int) []byte {
		var out []byte
		for i, n := range counts {
			out = append(out, bytes.Repeat([]byte{byte(i)}, n)...)
		}
		return out
	}
	uniform := make([]int, 150)
	for i := range uniform {
		uniform[i] = 100
	}
	for _, tt := range []struct {
		name   string
		counts []int
		bits   float64
	}{
		{"two", []int{50, 50}, 100},
		{"powers", []int{400, 200, 100, 100}, 400 + 2*200 + 3*200},
		{"skewed", []int{5, 1, 1, 1, 1, 1}, 2 + 2 + 3 + 5 + 10},
		{"too uniform", uniform, 150 * 100 * 8},
	} {
		if got := 8 * huffmanBytes(repeat(tt.counts...)); got != tt.bits {
			t.Errorf("%s: got %g bits, want %g", tt.name, got, tt.bits)
		}
	}
}

// TestAllocate: the layer with the larger error gets the smaller step, and the budget is met.
func TestAllocate(t *testing.T) {
	var layers [][]option
	for _, sensitivity := range []float64{1, 100} {
		var options []option
		for bits := 1; bits <= 8; bits++ {
			step := 1 / float64(int(1)<<bits)
			options = append(options, option{choice{step: float32(step)}, 100 * float64(bits), sensitivity * step * step})
		}
		layers = append(layers, options)
	}
	for _, budget := range []float64{200, 500, 900, 1600, 5000} {
		choices := allocate(layers, budget)
		if !(choices[1].step <= choices[0].step) {
			t.Errorf("%g bytes: steps are %v, want the second at most as large as the first", budget, choices)
		}
		size := 0.0
		for k, c := range choices {
			for _, o := range layers[k] {
				if o.choice == c {
					size += o.bytes
				}
			}
		}
		if !(size <= budget) || size < min(budget, 1600)-300 {
			t.Errorf("a budget of %g bytes: got %g", budget, size)
		}
	}
	// If the budget is too small, the smallest options are chosen.
	if got := allocate(layers, 10); got[0].step != 0.5 || got[1].step != 0.5 {
		t.Errorf("got %v, want the coarsest of both", got)
	}
}
