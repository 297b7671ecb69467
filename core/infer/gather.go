package infer

import (
	"tweedie/core/graph"
	"tweedie/core/quant"
)

// gather makes a value [rows,C] of the members' channels of it. What they have whole
// positions of counts as one row.
type gather struct {
	team       TensorParallel
	rows, size int // of a sample
	starts     []int
	batch      int
}

func (gather) Load([]quant.Numbers) {}
func (g gather) Scratch() int       { return g.batch * g.size }
func (g gather) Run(y []float32, x [][]float32, n int, scratch []float32) {
	rank, rows := g.team.Rank(), n*g.rows
	own := x[0][:rows*(g.starts[rank+1]-g.starts[rank])]
	if t, ok := g.team.(neighbour); ok {
		for i, from := range t.lend(own) {
			g.place(y, from, i, rows)
		}
		t.done()
		return
	}
	g.team.AllGather(scratch, own, rows, g.starts)
	for i := range g.team.Size() {
		from := own
		if i != rank {
			from = scratch[rows*g.starts[i]:]
		}
		g.place(y, from, i, rows)
	}
}

// place writes member i's channels of y [rows,C].
func (g gather) place(y, from []float32, i, rows int) {
	width, low, channels := g.size/g.rows, g.starts[i], g.starts[i+1]-g.starts[i]
	for r := range rows {
		copy(y[r*width+low:], from[r*channels:(r+1)*channels])
	}
}

// cut copies channels [low,high) of a value [rows,C].
type cut struct{ rows, channels, low, high int }

func (cut) Load([]quant.Numbers) {}
func (cut) Scratch() int         { return 0 }
func (c cut) Run(y []float32, x [][]float32, n int, _ []float32) {
	width := c.high - c.low
	for r := range n * c.rows {
		copy(y[r*width:(r+1)*width], x[0][r*c.channels+c.low:])
	}
}

// stretch runs an operation for some positions of its first input.
type stretch struct {
	graph.Runner
	low, high int         // of a sample's numbers
	size      int         // of a sample of any input
	in        [][]float32 // of one
}

func (s *stretch) Run(y []float32, x [][]float32, n int, scratch []float32) {
	own := s.high - s.low
	for i := range n {
		for j := range x {
			s.in[j] = x[j][i*s.size : (i+1)*s.size]
		}
		s.in[0] = s.in[0][s.low:s.high]
		s.Runner.Run(y[i*own:(i+1)*own], s.in, 1, scratch)
	}
}

// idle is the part of a member that has no channels.
type idle struct{}

func (idle) Load([]quant.Numbers)                       {}
func (idle) Scratch() int                               { return 0 }
func (idle) Run([]float32, [][]float32, int, []float32) {}
