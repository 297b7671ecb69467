package likelihood

import (
	"fmt"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Probe is the distribution of the random directions e for estimates of a trace:
// tr J = E[e·J·e] if E[e·eᵀ] = I (Hutchinson 1990; Skilling 1989). An estimate depends
// on the symmetric part S of J only, and has
//
//	            variance           third central moment
//	Gaussian    2 tr S²            8 tr S³
//	Rademacher  2 tr S̃²            8 tr S̃³,   S̃ = S without its diagonal
//
// so the Rademacher estimate is better, and exact for independent pixels.
type Probe string

// The probes. Exact is not an estimate: it uses all axes in turn, and needs as many
// products as an image has values.
const (
	Rademacher Probe = "rademacher" // ±1; the zero Probe means this
	Gaussian   Probe = "gaussian"   // standard normal
	Exact      Probe = "exact"
)

// streamProbe is the first stream of core/rng for probes: probe k has streamProbe + k.
// Sampling and editing use lower streams.
const streamProbe uint32 = 1 << 24

// check returns an error unless p is one of the probes.
func (p Probe) check() error {
	switch p {
	case "", Rademacher, Gaussian, Exact:
		return nil
	}
	return fmt.Errorf("likelihood: probe must be %q, %q or %q (got %q)", Rademacher, Gaussian, Exact, p)
}

// directions returns direction k for every image of a batch; the first image has the
// number first.
func (p Probe) directions(shape []int, k int, seed, first uint64) *tensor.Tensor {
	e := tensor.New(shape...)
	for i := range shape[0] {
		row := e.Row(i)
		switch p {
		case Exact:
			row[k] = 1
		case Gaussian:
			rng.Normal(row, seed, first+uint64(i), streamProbe+uint32(k))
		default:
			words := make([]uint32, len(row))
			rng.Uint32s(words, seed, first+uint64(i), streamProbe+uint32(k))
			for j, w := range words {
				row[j] = float32(int(w>>31)*2 - 1)
			}
		}
	}
	return e
}
