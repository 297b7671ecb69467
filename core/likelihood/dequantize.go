package likelihood

import (
	"math"

	"tweedie/core/num"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Bin is the width of the interval of one of 256 levels, for pixels that span [−1,1].
const Bin = 2.0 / 255

// streamDequantize is the stream of core/rng for Dequantize.
const streamDequantize = streamProbe - 1

// Level returns the pixel value of a level.
func Level(v uint8) float32 { return float32(v)/127.5 - 1 }

// Dequantize converts levels, the concatenated images, to images of the given shape
// [N,H,W,C] by uniform dequantization: each pixel is uniformly distributed in the interval
// of its level (Uria et al. 2013, arXiv:1306.0186; Theis et al. 2016, arXiv:1511.01844,
// section 3.1). The noise of image i has the sample number first+i. It panics unless
// levels has the size of the shape.
func Dequantize(levels []uint8, seed, first uint64, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	if len(levels) != len(x.Data) {
		panic("likelihood: Dequantize: levels must have the size of the shape")
	}
	for i, v := range levels {
		x.Data[i] = Level(v)
	}
	for i := range shape[0] {
		row := x.Row(i)
		u := make([]float32, len(row))
		rng.Uniform(u, seed, first+uint64(i), streamDequantize)
		for j, v := range u {
			row[j] += float32((v - 0.5) * Bin)
		}
	}
	return x
}

// BitsPerDim returns −log₂ of the probability of an image's levels, divided by its d
// dimensions, given ln p of the dequantized image. The probability is p·Bin^d if p is
// constant over the intervals. Averaged over dequantizations the result is at least −log₂
// of the true probability (Jensen's inequality), so it never overstates a model.
func BitsPerDim(logDensity float64, d int) float64 {
	return NatsToBits(-logDensity, d) - num.Log(Bin)/math.Ln2
}

// NatsToBits converts nats of a whole image to bits per dimension.
func NatsToBits(nats float64, d int) float64 { return nats / float64(d) / math.Ln2 }
