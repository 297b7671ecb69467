// Package profile measures how the time of an evaluation is distributed over operations, and
// how close each operation is to the machine's peak performance.
package profile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// Options are the settings of Measure.
type Options struct {
	Batch int           // images per evaluation; 0 means 1
	Fast  bool          // fused arithmetic
	Time  time.Duration // how long to measure, with at least three evaluations

	Stop func() bool // ends the measurement when it returns true; nil for never
}

// Report is the profile of an evaluation. Times are medians over the evaluations.
type Report struct {
	Model  string  `json:"model"`
	Batch  int     `json:"batch"`
	Fast   bool    `json:"fast"`
	Peak   float64 `json:"peak_gflops"` // of one core, in this arithmetic; 0 if there are no vectors
	Total  Line    `json:"total"`
	Kinds  []Line  `json:"kinds"`  // by kind of operation, the slowest first
	Shapes []Line  `json:"shapes"` // by kind and shapes, the slowest first
}

// Line is the total of some operations of a network.
type Line struct {
	Name   string  `json:"name"`
	Count  int     `json:"count"`
	MS     float64 `json:"ms"`
	Share  float64 `json:"share"` // of the total time
	FLOPs  int64   `json:"flops"` // as graph.Cost counts them
	GFLOPS float64 `json:"gflops"`
	OfPeak float64 `json:"of_peak"`
}

// Measure evaluates m on one core and measures the time of every operation. Weights stored as
// codes are converted to float32 first.
func Measure(m *model.Model, o Options) (*Report, error) {
	o.Batch = max(1, o.Batch)
	program := m.Network().Program
	weights, err := infer.Load(program, m.Network().Out, m.Params(), o.Batch, infer.Options{Fast: o.Fast})
	if err != nil {
		return nil, err
	}
	peak := MeasurePeak()
	r := &Report{Model: m.Name(), Batch: o.Batch, Fast: o.Fast, Peak: peak.MulAdd}
	if o.Fast {
		r.Peak = peak.Fused
	}
	nodes, times := observe(weights.NewPlan(), m.Network(), o)
	for i, n := range nodes {
		ms := median(times[i])
		cost := n.Op.Cost(program.Shapes(n.In), program.Shape(n.Out)).FLOPs * int64(o.Batch)
		r.Total = add(r.Total, "all", ms, cost)
		r.Kinds = addTo(r.Kinds, kind(n.Op), ms, cost)
		r.Shapes = addTo(r.Shapes, kind(n.Op)+" "+signature(program, n), ms, cost)
	}
	r.Total = r.withRates(r.Total)
	for _, lines := range [][]Line{r.Kinds, r.Shapes} {
		for i := range lines {
			lines[i] = r.withRates(lines[i])
		}
		slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(b.MS, a.MS) })
	}
	return r, nil
}

// observe returns the operations of a plan, and the milliseconds of each in every evaluation
// but the first.
func observe(plan *infer.Plan, net *unet.Network, o Options) (nodes []graph.Node, times [][]float64) {
	program := net.Program
	var inputs [][]float32
	for _, d := range program.Inputs {
		in := make([]float32, o.Batch*program.Size(d.Value))
		for i := range in {
			in[i] = float32(i%255)/127 - 1
		}
		if d.Name == "y" {
			clear(in)
		}
		inputs = append(inputs, in)
	}
	at, last := 0, time.Time{}
	plan.Observe(func(n graph.Node) {
		now := time.Now()
		if at == len(nodes) {
			nodes, times = append(nodes, n), append(times, nil)
		}
		times[at] = append(times[at], float64(now.Sub(last))/1e6)
		at++
		last = time.Now()
	})
	out := make([]float32, o.Batch*program.Size(net.Out))
	began := time.Now()
	for i := 0; i < 4 || time.Since(began) < o.Time && (o.Stop == nil || !o.Stop()); i++ {
		at, last = 0, time.Now()
		plan.Run(out, o.Batch, inputs...)
	}
	for i := range times {
		times[i] = times[i][1:] // without the first, which warms up memory
	}
	return nodes, times
}

// kind returns the kind of an operation.
func kind(op graph.Op) string {
	switch op := op.(type) {
	case graph.Conv:
		return fmt.Sprintf("conv %d×%d", op.Size, op.Size)
	case graph.Linear:
		return "linear"
	case graph.GroupNorm:
		if op.SiLU {
			return "group norm + SiLU"
		}
		return "group norm"
	case graph.Attention:
		return "attention"
	case graph.Concat:
		return "concat"
	case graph.Upsample:
		return "upsampling"
	case graph.SiLU, graph.Add, graph.AddChannels, graph.Sinusoid, graph.Embedding, graph.SpaceToDepth, graph.DepthToSpace:
		return "rest"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", op), "graph.")
}

// signature describes an operation's shapes: 16×16×256 → 16×16×128.
func signature(p *graph.Program, n graph.Node) string {
	text := func(v graph.Value) string {
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(p.Shape(v)), "[]")), "×")
	}
	in := make([]string, len(n.In))
	for i, v := range n.In {
		in[i] = text(v)
	}
	return strings.Join(slices.Compact(in), ", ") + " → " + text(n.Out)
}

// add adds an operation to a line.
func add(l Line, name string, ms float64, flops int64) Line {
	return Line{Name: name, Count: l.Count + 1, MS: l.MS + ms, FLOPs: l.FLOPs + flops}
}

// addTo adds an operation to the line of that name.
func addTo(lines []Line, name string, ms float64, flops int64) []Line {
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Name == name })
	if i < 0 {
		i, lines = len(lines), append(lines, Line{})
	}
	lines[i] = add(lines[i], name, ms, flops)
	return lines
}

// withRates returns a line with its rates.
func (r *Report) withRates(l Line) Line {
	if l.MS > 0 {
		l.GFLOPS = float64(l.FLOPs) / l.MS / 1e6
		l.Share = l.MS / r.Total.MS
	}
	if r.Peak > 0 {
		l.OfPeak = l.GFLOPS / r.Peak
	}
	return l
}
