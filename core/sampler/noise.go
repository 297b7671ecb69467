package sampler

import (
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// The streams of core/rng that sampling draws from. Package edit adds its own,
// from 1<<20 to 1<<22.
const (
	StreamStart uint32 = 0 // the initial noise of a sample
	StreamStep  uint32 = 1 // StreamStep + i: the noise of step i

	StreamInner uint32 = 1 << 22 // StreamStep + i + m·StreamInner: additional noise m of step i, m from 1
	StreamPath  uint32 = 1 << 31 // StreamPath + …: the nodes of a Brownian path
)

// maxInner is the most Langevin steps at a level: the streams of twice as many stay
// below StreamPath.
const maxInner = 255

// Noise returns a batch of standard normal numbers, the same for the same
// stream. The caller owns the returned tensor.
type Noise func(stream uint32) *tensor.Tensor

// NewNoise returns the noise of samples first … first+n−1 of a seed. shape is the
// shape of one sample, [H,W,C]; the noise has shape [N,H,W,C]. Row i comes from
// Philox with (seed, first+i, stream): it depends neither on n nor on earlier draws.
func NewNoise(seed, first uint64, n int, shape ...int) Noise {
	shape = append([]int{n}, shape...)
	return func(stream uint32) *tensor.Tensor {
		z := tensor.New(shape...)
		for i := range n {
			rng.Normal(z.Row(i), seed, first+uint64(i), stream)
		}
		return z
	}
}

// Start returns the initial x of a sampler: noise of standard deviation sigmas[0].
func Start(noise Noise, sigmas []float32) *tensor.Tensor {
	return noise(StreamStart).Scaled(sigmas[0])
}

// After returns noise whose step streams are numbered from step on: for a schedule
// that is split into several runs.
func (noise Noise) After(step int) Noise {
	return func(stream uint32) *tensor.Tensor { return noise(stream + uint32(step)) }
}
