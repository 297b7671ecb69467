package eval

import (
	"fmt"

	"tweedie/core/rng"
	"tweedie/core/train"
)

// Set is pictures with their classes.
type Set struct {
	train.Data
	Classes []string // names; empty when the pictures have no labels
}

// size returns the bytes of one picture.
func (s *Set) size() int { return s.H * s.W * s.C }

// shape returns a picture's axes in the order of model files: C, H, W.
func (s *Set) shape() [3]int { return [3]int{s.C, s.H, s.W} }

// pick returns the pictures of s with the given numbers, a new set.
func (s *Set) pick(numbers []int) *Set {
	out := &Set{Data: train.Data{N: len(numbers), H: s.H, W: s.W, C: s.C}, Classes: s.Classes}
	size := s.size()
	for _, i := range numbers {
		out.Images = append(out.Images, s.Images[i*size:(i+1)*size]...)
		if s.Labels != nil {
			out.Labels = append(out.Labels, s.Labels[i])
		}
	}
	return out
}

// Fraction of the data that HoldOut holds out.
const (
	heldShare = 7     // one picture of so many, as in MNIST
	heldMost  = 10000 // at most
)

// HoldOut divides a set without a test split: held is a part of it, drawn at random but
// always the same, and rest is the remainder. The error says that there are too few
// pictures.
func HoldOut(s *Set) (rest, held *Set, err error) {
	n := min(heldMost, s.N/heldShare)
	if n <= neighbours {
		return nil, nil, fmt.Errorf("eval: data without a test split must have at least %d pictures (got %d)", heldShare*(neighbours+1), s.N)
	}
	at := permutation(s.N, 0, 0, heldStream)
	return s.pick(at[n:]), s.pick(at[:n]), nil
}

// Streams of core/rng that evaluation draws from.
const (
	orderStream = 1<<25 + iota // of a pass over the pictures; sample is the pass
	shiftStream                // of the picture drawn since training began; sample is its number
	heldStream
	drawStream
	realStream
)

// permutation returns 0 to n−1 in an order drawn from the address: Fisher and
// Yates' (Knuth, volume 2, Algorithm 3.4.2P).
func permutation(n int, seed, sample uint64, stream uint32) []int {
	draws, at := make([]uint32, n), make([]int, n)
	rng.Uint32s(draws, seed, sample, stream)
	for i := range at {
		at[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := int(uint64(draws[i]) * uint64(i+1) >> 32)
		at[i], at[j] = at[j], at[i]
	}
	return at
}
