package quantize

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quant"
)

// Levels8 returns the most levels at which m, stored as int8, takes at most the given number of
// bytes per parameter, by estimate. It reads the model's numbers once, one tensor at a time.
func Levels8(m *model.Model, budget float64) (int, error) {
	var samples []sample
	rest := 0.0
	err := m.Each(func(d graph.Declared, w []float32) error {
		rest += headerBytes
		if len(d.Shape) < 2 {
			rest += 4 * float64(len(w))
			return nil
		}
		rows, cols := d.Shape[0], len(w)/d.Shape[0]
		some := min(rows, 1+sampleSize/cols)
		samples = append(samples, sample{slices.Clone(w[:some*cols]), some, float64(rows) / float64(some)})
		rest += 4 * float64(rows)
		return nil
	})
	if err != nil {
		return 0, err
	}
	low, high := 0, quant.MaxCode // low levels fit, more than high do not
	for low < high {
		levels := (low + high + 1) / 2
		size, err := int8Bytes(samples, levels)
		if err != nil {
			return 0, err
		}
		if rest+size <= budget*float64(m.Parameters()) {
			low = levels
		} else {
			high = levels - 1
		}
	}
	if low == 0 {
		return 0, fmt.Errorf("quantize: int8 with one level needs more than %g bytes per parameter: choose a larger budget", budget)
	}
	return low, nil
}

// int8Bytes estimates the size of int8 codes.
func int8Bytes(samples []sample, levels int) (float64, error) {
	size := 0.0
	for _, s := range samples {
		codes := make([]int8, len(s.w))
		if err := quant.QuantizeInt8(codes, make([]float32, s.rows), s.w, levels); err != nil {
			return 0, fmt.Errorf("quantize: %w", err)
		}
		size += s.share * huffmanBytes(bytesOf(codes))
	}
	return size, nil
}

// sampleSize is the number of weights of a tensor that its size is estimated from, since large
// models have hundreds of tensors.
const sampleSize = 1 << 14

// sample is the first rows of a tensor that has share times as many.
type sample struct {
	w     []float32
	rows  int
	share float64
}

func bytesOf(codes []int8) []byte {
	out := make([]byte, len(codes))
	for i, q := range codes {
		out[i] = byte(q)
	}
	return out
}

// huffmanBytes returns the size of data in its own Huffman code, which is what zstd achieves
// with codes: the sum of the frequencies of the tree's inner nodes. If no byte is more frequent
// than 1 in 128, zstd stores data uncompressed.
func huffmanBytes(data []byte) float64 {
	var counts [256]int
	for _, b := range data {
		counts[b]++
	}
	if slices.Max(counts[:]) <= len(data)>>7+4 {
		return float64(len(data))
	}
	leaves := slices.DeleteFunc(counts[:], func(n int) bool { return n == 0 })
	slices.Sort(leaves)
	var inner []int
	next := func() int { // takes the rarest node that has no parent yet
		from := &leaves
		if len(leaves) == 0 || len(inner) > 0 && inner[0] < leaves[0] {
			from = &inner
		}
		n := (*from)[0]
		*from = (*from)[1:]
		return n
	}
	bits := 0
	for len(leaves)+len(inner) > 1 {
		n := next() + next()
		bits += n
		inner = append(inner, n)
	}
	return float64(bits) / 8
}
