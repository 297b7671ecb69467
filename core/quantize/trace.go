package quantize

import (
	"maps"
	"runtime"
	"sync"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// trace is an evaluation in progress: the values that later operations will read. It proceeds
// operation by operation, and can be copied at any point.
type trace struct {
	p      *graph.Program
	n      int   // samples
	last   []int // the last operation that reads a value
	values map[graph.Value][]float32
}

// newTrace begins an evaluation of n samples.
func newTrace(p *graph.Program, out graph.Value, n int, inputs [][]float32) *trace {
	t := &trace{p: p, n: n, last: lastReads(p, out), values: map[graph.Value][]float32{}}
	for i, d := range p.Inputs {
		t.values[d.Value] = inputs[i]
	}
	return t
}

// lastReads returns the index of the last operation that reads each value; for out it is the
// number of operations.
func lastReads(p *graph.Program, out graph.Value) []int {
	last := make([]int, p.Values())
	for i, node := range p.Nodes {
		for _, v := range node.In {
			last[v] = i
		}
	}
	last[out] = len(p.Nodes)
	return last
}

// fork returns a copy that can proceed independently.
func (t *trace) fork() *trace {
	out := *t
	out.values = maps.Clone(t.values)
	return &out
}

// bind prepares operation i with the given parameters, for a thread's share of the samples.
func (t *trace) bind(i int, params []quant.Numbers) graph.Runner {
	r := t.p.Bind(t.p.Nodes[i], t.share(), kernel.Exact)
	r.Load(params)
	return r
}

// share returns the number of samples per thread.
func (t *trace) share() int {
	threads := min(t.n, runtime.GOMAXPROCS(0))
	return (t.n + threads - 1) / threads
}

// step evaluates operation i, for which r was bound.
func (t *trace) step(i int, r graph.Runner) {
	node, share := t.p.Nodes[i], t.share()
	size := t.p.Size(node.Out)
	y := make([]float32, t.n*size)
	var wait sync.WaitGroup
	for start := 0; start < t.n; start += share {
		end := min(t.n, start+share)
		wait.Go(func() {
			in := make([][]float32, len(node.In))
			for j, v := range node.In {
				k := t.p.Size(v)
				in[j] = t.values[v][start*k : end*k]
			}
			r.Run(y[start*size:end*size], in, end-start, make([]float32, r.Scratch()))
		})
	}
	wait.Wait()
	t.values[node.Out] = y
	for _, v := range node.In {
		if t.last[v] == i {
			delete(t.values, v)
		}
	}
}
