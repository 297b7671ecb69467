package engine

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// Pixels returns x as bytes, in its order: −1 becomes 0 and 1 becomes 255,
//
//	byte = clamp(⌊(x + 1)·127.5 + ½⌋, 0, 255)
//
// where each of the three operations rounds to float32, so that every machine
// writes the same byte. The error names the first entry that is not a number;
// infinities are clamped.
func Pixels(x *tensor.Tensor) ([]uint8, error) {
	if err := x.Check(); err != nil {
		return nil, fmt.Errorf("engine: pixels: %w", err)
	}
	out := make([]uint8, len(x.Data))
	for i, v := range x.Data {
		if v != v {
			return nil, fmt.Errorf("engine: pixel %d of image %d is not a number: the model or the sampler diverged",
				i%len(x.Row(0)), i/len(x.Row(0)))
		}
		out[i] = pixel(v)
	}
	return out, nil
}

func pixel(v float32) uint8 {
	scaled := float32(float32(v+1) * 127.5)
	rounded := math.Floor(float64(float32(scaled + 0.5)))
	return uint8(min(max(rounded, 0), 255))
}

// unit is the inverse of pixel: a byte as a number in [−1, 1].
func unit(b uint8) float32 {
	return float32(float32(b)/127.5) - 1
}
