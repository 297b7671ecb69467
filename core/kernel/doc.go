// Package kernel implements the inner loops of neural networks on slices of float32.
//
// Layout: an image is [H,W,C] with contiguous channels, and a call processes one image.
// A matrix is row-major; "rows" is the product of all axes before the channels. A kernel
// runs on one core; the caller splits images or rows over cores. No kernel retains an
// argument, and no forward kernel allocates.
//
// # Forward kernels are exact
//
// A forward kernel returns the same bits on every machine and at every vector
// width. It multiplies, rounds, then adds. Each output is summed in one fixed order,
// which the doc comment states. Elementary functions are those of core/num. Which
// outputs are NaN is specified; the sign and payload of a NaN are not. The tests of
// every build compare all implementations of a kernel with its plain reference, bit
// by bit.
//
// # Backward kernels are deterministic
//
// A backward kernel adds to the gradients that the caller passes. It may fuse
// multiplications with additions, and its order of summation depends on the vector
// width alone: the same build on the same machine returns the same bits. A function
// lists its implementations, and the first use chooses one. If a variable listed them,
// they would be linked into programs that only evaluate networks.
//
// Public functions check their arguments once and panic with a constant text if the
// caller made a mistake. Arguments may overlap only where a doc comment allows it.
package kernel

import "sync"

// impl is one implementation of a kernel in this build.
type impl[F any] struct {
	name string
	ok   bool // worth using on this machine
	fn   F
}

// fastest returns the last implementation with ok set, or the first, the reference, if
// there is none.
func fastest[F any](impls []impl[F]) F {
	for i := len(impls) - 1; i > 0; i-- {
		if impls[i].ok {
			return impls[i].fn
		}
	}
	return impls[0].fn
}

// lazy is the fastest of several implementations, chosen when it is first used.
type lazy[F any] struct {
	once sync.Once
	fn   F
}

func (c *lazy[F]) of(impls func() []impl[F]) F {
	c.once.Do(func() { c.fn = fastest(impls()) })
	return c.fn
}

// sum16 returns the sum of the 16 virtual lanes of a reduction. It adds them as a fixed
// tree: lane j+8 to lane j, then j+4, j+2 and j+1. Vectors of 4, 8 and 16 lanes add in
// the same order.
func sum16(lane *[16]float32) float32 {
	for w := 8; w > 0; w /= 2 {
		for j := range w {
			lane[j] += lane[j+w]
		}
	}
	return lane[0]
}
