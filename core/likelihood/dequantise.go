package likelihood

import (
	"math"

	"tweedie/core/num"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Bin is the width of the interval that a level of 256 owns, on pixels that span
// [−1,1].
const Bin = 2.0 / 255

// streamDequantise is the stream of core/rng that Dequantise draws from.
const streamDequantise = streamProbe - 1

// Level returns the pixel that stands for a level.
func Level(v uint8) float32 { return float32(v)/127.5 - 1 }

// Dequantise returns levels, an image of them after another, as images of the given
// shape [N,H,W,C], each pixel moved to a place drawn evenly from its level's interval
// (Uria et al. 2013, arXiv:1306.0186; Theis et al. 2016, arXiv:1511.01844, section
// 3.1). Image i draws from address first+i. It panics if levels do not fill the shape.
func Dequantise(levels []uint8, seed, first uint64, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	if len(levels) != len(x.Data) {
		panic("likelihood: levels do not fill the shape")
	}
	for i, v := range levels {
		x.Data[i] = Level(v)
	}
	for i := range shape[0] {
		row := x.Row(i)
		u := make([]float32, len(row))
		rng.Uniform(u, seed, first+uint64(i), streamDequantise)
		for j, v := range u {
			row[j] += float32((v - 0.5) * Bin)
		}
	}
	return x
}

// BitsPerDim returns −log₂ of the probability of an image's levels, a number of its d
// numbers, given ln p of the dequantised image: p·Bin^d is that probability, were p
// even over the interval. Averaged over dequantisations it is never below −log₂ of
// the true probability (Jensen), so it flatters no model.
func BitsPerDim(logDensity float64, d int) float64 {
	return BitsOfNats(-logDensity, d) - num.Log(Bin)/math.Ln2
}

// BitsOfNats returns nats of a whole image as bits a dimension.
func BitsOfNats(nats float64, d int) float64 { return nats / float64(d) / math.Ln2 }
