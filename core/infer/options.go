package infer

import "tweedie/core/kernel"

// Options say how an evaluation computes. They do not change what, but for Fast.
type Options struct {
	Fast           bool           // arithmetic in any order, fused: other last bits, quicker on some machines
	Workers        int            // goroutines over one batch; 0 means 1
	TensorParallel TensorParallel // whose members evaluate together; nil means none
	Compact        bool           // weights that are codes stay codes: a quarter of the memory or less, and a little slower
}

// Arithmetic returns the kernels' mode.
func (o Options) Arithmetic() kernel.Arithmetic {
	if o.Fast {
		return kernel.Fast
	}
	return kernel.Exact
}
