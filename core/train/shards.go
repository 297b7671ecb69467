package train

import (
	"sync"

	"tweedie/core/kernel"
)

// ShardWorker computes the gradients of parts of a batch, in one goroutine.
type ShardWorker interface {
	// Load takes the current weights into use. It is called once for each batch.
	Load()
	// AddShard adds the gradient of items from ≤ i < to of the batch to grad.
	AddShard(from, to int, grad []float32) error
}

// Shards is the gradients of the parts of a batch. Each part is a fixed range of the
// batch, whichever worker computes it, and the parts are added in order: the gradient
// does not depend on the number of workers.
type Shards [][]float32

// NewShards returns n shards of a gradient for so many parameters.
func NewShards(n, parameters int) Shards {
	s := make(Shards, n)
	for i := range s {
		s[i] = make([]float32, parameters)
	}
	return s
}

// Gradient returns the gradient of a batch, computed by all workers. It is overwritten by
// the next call. The error is one of a worker.
func (s Shards) Gradient(batch int, workers []ShardWorker) ([]float32, error) {
	next := make(chan int, len(s))
	for i := range s {
		next <- i
	}
	close(next)
	var wait sync.WaitGroup
	errs := make([]error, len(workers))
	for i, w := range workers {
		wait.Go(func() {
			w.Load()
			for shard := range next {
				clear(s[shard])
				if err := w.AddShard(batch*shard/len(s), batch*(shard+1)/len(s), s[shard]); err != nil {
					errs[i] = err
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	grad := s[0]
	for _, g := range s[1:] {
		split(len(grad), func(from, to int) { kernel.AddTo(grad[from:to], g[from:to]) })
	}
	return grad, nil
}
