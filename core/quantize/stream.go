package quantize

import (
	"errors"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// Held is the parameters of the largest network that is evaluated from memory. A larger
// one is read anew, operation by operation, for every evaluation.
const Held = 64 << 20

// room is the bytes of activations of such a network.
const room = 64 << 20

// Affordable returns how many calibration images of a network above Held take no more than
// 100 MB of activations, 2 at least: twice at every noise level.
func Affordable(m *model.Model) int {
	net := m.Network()
	return max(2, 100_000_000/(2*Levels*4*live(net.Program, net.Out)))
}

// Runner returns a runner of m for up to batch images at a time of each of o's workers. A
// network above Held streams, unless o is Fast, which streaming is not.
func Runner(m *model.Model, batch int, o infer.Options) (*model.Runner, error) {
	if m.Parameters() > Held && !o.Fast {
		return Stream(m), nil
	}
	r, err := m.NewRunner(batch, o)
	return r, errors.Join(err, m.Err())
}

// Stream returns a runner of m that has the numbers of one operation in memory at a time.
// Its bits are those of a plan.
func Stream(m *model.Model) *model.Runner {
	net := m.Network()
	p, size := net.Program, tensor.Size(net.Program.Shape(net.Out))
	names := namesOf(p)
	chunk := max(1, room/(4*live(p, net.Out)))
	return m.RunnerOf(func(x *tensor.Tensor, times []float32, y []int) (*tensor.Tensor, error) {
		n := x.Shape[0]
		classes := make([]float32, n)
		for i, class := range y {
			classes[i] = float32(class)
		}
		out := make([]float32, 0, n*size)
		for start := 0; start < n; start += chunk {
			end := min(n, start+chunk)
			image := tensor.Size(x.Shape[1:])
			inputs := [][]float32{x.Data[start*image : end*image], times[start:end], classes[start:end]}
			t := newTrace(p, net.Out, end-start, inputs[:len(p.Inputs)])
			for i := range p.Nodes {
				var numbers []quant.Numbers
				for _, v := range p.Nodes[i].Params {
					numbers = append(numbers, m.Numbers(names[v]))
				}
				t.step(i, t.bind(i, numbers))
			}
			if err := m.Err(); err != nil {
				return nil, err
			}
			out = append(out, t.values[net.Out]...)
		}
		return tensor.Of(out, append([]int{n}, p.Shape(net.Out)...)...), nil
	})
}

// namesOf returns what the parameters of p are called.
func namesOf(p *graph.Program) map[graph.Value]string {
	names := map[graph.Value]string{}
	for _, d := range p.Params {
		names[d.Value] = d.Name
	}
	return names
}

// live returns the most numbers of one sample that a trace of p holds at once.
func live(p *graph.Program, out graph.Value) int {
	last := lastReads(p, out)
	now, most := 0, 0
	for i, node := range p.Nodes {
		now += p.Size(node.Out)
		most = max(most, now)
		for j, v := range node.In {
			given := false
			for _, w := range node.In[:j] {
				given = given || w == v
			}
			if last[v] == i && !given {
				now -= p.Size(v)
			}
		}
	}
	return most
}
