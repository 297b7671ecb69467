package likelihood

import (
	"fmt"

	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Probe is the distribution of the directions e along which a trace is estimated:
// tr J = E[e·J·e] whenever E[e·eᵀ] = I (Hutchinson 1990; Skilling 1989). With S the
// symmetric part of J, all of J that an estimate sees,
//
//	            variance           third central moment
//	Gaussian    2 tr S²            8 tr S³
//	Rademacher  2 tr S̃²            8 tr S̃³,   S̃ = S without its diagonal
//
// so that Rademacher's estimate is the better one, and exact where pixels do not
// depend on each other.
type Probe string

// The probes. Exact goes through the axes one by one: no estimate, as many products
// as an image has numbers.
const (
	Rademacher Probe = "rademacher" // ±1; the zero Probe means this
	Gaussian   Probe = "gaussian"   // standard normal
	Exact      Probe = "exact"
)

// streamProbe is the first stream of core/rng that probes are drawn from: streamProbe
// + k for the k-th. Sampling and editing draw from lower ones.
const streamProbe uint32 = 1 << 24

// check returns an error unless p is one of the probes.
func (p Probe) check() error {
	switch p {
	case "", Rademacher, Gaussian, Exact:
		return nil
	}
	return fmt.Errorf("likelihood: probe is %q, need %q, %q or %q", p, Rademacher, Gaussian, Exact)
}

// directions returns the k-th direction for every image of a batch, the first of
// which has address first.
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
