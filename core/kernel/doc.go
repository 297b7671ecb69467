// Package kernel holds the inner loops of networks, on slices of float32.
//
// Layout: images are [H,W,C], one image a call, channels contiguous; a matrix is
// row-major and "rows" counts everything before the channels. A kernel works on
// one core; the caller splits images or rows over cores. No kernel keeps an
// argument, and none allocates in the forward direction.
//
// # Forward kernels are exact
//
// A forward kernel returns the same bits on every machine and at every vector
// width. It multiplies, rounds, then adds; each output sums in one fixed order
// that its comment states; elementary functions are those of core/num. Where a
// NaN arises its sign and payload are not specified, its place is. The
// implementations of a kernel, the plain reference first, are compared bit by
// bit by the tests of every build.
//
// # Backward kernels are deterministic
//
// A backward kernel adds to the gradients it is given. It may fuse and may sum
// in an order of its own, which depends on the vector width and on nothing
// else: the same build on the same machine returns the same bits. Its
// implementations are listed by a function and chosen when first used: listed in a
// variable they would be linked into programs that only evaluate.
//
// Public functions check their arguments once and panic with a constant text on
// a caller's mistake. Arguments overlap only where a comment allows it.
package kernel

import "sync"

// impl is one implementation of a kernel in this build.
type impl[F any] struct {
	name string
	ok   bool // runs well on this machine
	fn   F
}

// fastest returns the last implementation that this machine runs well. The
// first, the reference, always is one.
func fastest[F any](impls []impl[F]) F {
	for i := len(impls) - 1; i > 0; i-- {
		if impls[i].ok {
			return impls[i].fn
		}
	}
	return impls[0].fn
}

// chosen is the fastest of some implementations, found when it is first asked for.
type chosen[F any] struct {
	once sync.Once
	fn   F
}

func (c *chosen[F]) of(impls func() []impl[F]) F {
	c.once.Do(func() { c.fn = fastest(impls()) })
	return c.fn
}

// sum16 joins the 16 virtual lanes of a reduction by the fixed tree: lane j with
// lane j+8, then j+4, j+2 and j+1. Vectors of 4, 8 and 16 lanes take the same
// steps.
func sum16(lane *[16]float32) float32 {
	for w := 8; w > 0; w /= 2 {
		for j := range w {
			lane[j] += lane[j+w]
		}
	}
	return lane[0]
}
