package quantize

import (
	"errors"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/core/tensor"
)

// MaxResident is the number of parameters of the largest network that is evaluated from memory.
// The parameters of a larger one are read anew, operation by operation, for every evaluation.
const MaxResident = 64 << 20

// activationBytes is the memory for activations when such a network is evaluated.
const activationBytes = 64 << 20

// MaxImages returns how many calibration images of a network above MaxResident need at most 100
// MB for activations, at all noise levels and twice; at least 2.
func MaxImages(m *model.Model) int {
	net := m.Network()
	return max(2, 100_000_000/(2*Levels*4*liveNumbers(net.Program, net.Out)))
}

// NewRunner returns a runner of m for up to batch images at a time for each of o's workers. A
// network above MaxResident is streamed, unless o is Fast, which streaming does not support.
func NewRunner(m *model.Model, batch int, o infer.Options) (*model.Runner, error) {
	if m.Parameters() > MaxResident && !o.Fast {
		return NewStreamRunner(m), nil
	}
	r, err := m.NewRunner(batch, o)
	return r, errors.Join(err, m.Err())
}

// NewStreamRunner returns a runner of m that has the parameters of only one operation in memory
// at a time. Its results have the same bits as those of a plan.
func NewStreamRunner(m *model.Model) *model.Runner {
	net := m.Network()
	p, size := net.Program, tensor.Size(net.Program.Shape(net.Out))
	names := namesOf(p)
	chunk := max(1, activationBytes/(4*liveNumbers(p, net.Out)))
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

// namesOf returns the names of the parameters of p.
func namesOf(p *graph.Program) map[graph.Value]string {
	names := map[graph.Value]string{}
	for _, d := range p.Params {
		names[d.Value] = d.Name
	}
	return names
}

// liveNumbers returns the most numbers per sample that a trace of p keeps at once.
func liveNumbers(p *graph.Program, out graph.Value) int {
	last := lastReads(p, out)
	now, most := 0, 0
	for i, node := range p.Nodes {
		now += p.Size(node.Out)
		most = max(most, now)
		for j, v := range node.In {
			seen := false
			for _, w := range node.In[:j] {
				seen = seen || w == v
			}
			if last[v] == i && !seen {
				now -= p.Size(v)
			}
		}
	}
	return most
}
