package infer

import "tweedie/core/kernel"

// Options are the settings of an evaluation. Only Fast changes its results.
type Options struct {
	Fast           bool           // allow any order of additions and fused operations: the last bits differ, and some machines are faster
	Workers        int            // goroutines that share a batch; 0 means 1
	TensorParallel TensorParallel // this member of a group that evaluates together; nil without tensor parallelism
	Compact        bool           // keep quantized weights quantized in memory: a quarter of the memory or less, slightly slower
}

// Arithmetic returns the arithmetic of the kernels.
func (o Options) Arithmetic() kernel.Arithmetic {
	if o.Fast {
		return kernel.Fast
	}
	return kernel.Exact
}
