package infer

import (
	"tweedie/core/graph"
	"tweedie/core/quant"
)

// gather combines the members' channels of a value [rows,C]. If the members have
// positions instead of channels, the sample is a single row.
type gather struct {
	group      TensorParallel
	rows, size int   // of a sample
	starts     []int // of the members' channels
	batch      int
}

func (gather) Load([]quant.Numbers) {}
func (g gather) Scratch() int       { return g.batch * g.size }
func (g gather) Run(y []float32, x [][]float32, n int, scratch []float32) {
	rank, rows := g.group.Rank(), n*g.rows
	own := x[0][:rows*(g.starts[rank+1]-g.starts[rank])]
	if t, ok := g.group.(sharedMemory); ok { // no copy to scratch is needed
		for i, from := range t.share(own) {
			g.writeChannels(y, from, i, rows)
		}
		t.release()
		return
	}
	g.group.AllGather(scratch, own, rows, g.starts)
	for i := range g.group.Size() {
		from := own
		if i != rank {
			from = scratch[rows*g.starts[i]:]
		}
		g.writeChannels(y, from, i, rows)
	}
}

// writeChannels writes member i's channels of y [rows,C].
func (g gather) writeChannels(y, from []float32, i, rows int) {
	width, low, channels := g.size/g.rows, g.starts[i], g.starts[i+1]-g.starts[i]
	for r := range rows {
		copy(y[r*width+low:], from[r*channels:(r+1)*channels])
	}
}

// channelSlice is a step that copies channels [low,high) of a value [rows,C].
type channelSlice struct{ rows, channels, low, high int }

func (channelSlice) Load([]quant.Numbers) {}
func (channelSlice) Scratch() int         { return 0 }
func (c channelSlice) Run(y []float32, x [][]float32, n int, _ []float32) {
	width := c.high - c.low
	for r := range n * c.rows {
		copy(y[r*width:(r+1)*width], x[0][r*c.channels+c.low:])
	}
}

// positionRange is a step that runs an operation for some positions of its first input.
type positionRange struct {
	graph.Runner
	low, high int         // range among a sample's numbers
	size      int         // numbers of a sample, the same for all inputs
	in        [][]float32 // inputs of one sample
}

func (s *positionRange) Run(y []float32, x [][]float32, n int, scratch []float32) {
	own := s.high - s.low
	for i := range n {
		for j := range x {
			s.in[j] = x[j][i*s.size : (i+1)*s.size]
		}
		s.in[0] = s.in[0][s.low:s.high]
		s.Runner.Run(y[i*own:(i+1)*own], s.in, 1, scratch)
	}
}

// noOp is the step of a member without channels.
type noOp struct{}

func (noOp) Load([]quant.Numbers)                       {}
func (noOp) Scratch() int                               { return 0 }
func (noOp) Run([]float32, [][]float32, int, []float32) {}
