package nn

import (
	"math"

	"tweedie/core/graph"
	"tweedie/core/rng"
)

// initStream is the Philox stream of initial values; sample i is parameter i.
const initStream = 1 << 30

// Initialize sets params to random initial values according to their Init. The values of
// a parameter depend only on seed and on its index in the order of declaration.
func Initialize(params *graph.Params, seed uint64) {
	for i, d := range params.Specs {
		dst := params.Slice(i)
		switch d.Init.Kind {
		case graph.Zeros:
			clear(dst)
		case graph.Ones:
			for j := range dst {
				dst[j] = 1
			}
		case graph.Normal:
			rng.Normal(dst, seed, uint64(i), initStream)
		case graph.Modulation:
			rng.Normal(dst, seed, uint64(i), initStream)
			width := d.Shape[1]
			for j, z := range dst {
				if dst[j] = 0; j%width < width/3*2 {
					dst[j] = 1 + float32(0.02*z)
				}
			}
		case graph.Uniform:
			rng.Uniform(dst, seed, uint64(i), initStream)
			bound := 1 / math.Sqrt(float64(d.Init.Fan))
			for j, u := range dst {
				dst[j] = float32((float64(2*u) - 1) * bound)
			}
		}
	}
}
