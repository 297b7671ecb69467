package shrink

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/weights"
)

// Options say what Mixed is to do.
type Options struct {
	Budget   float64               // bytes a parameter, of all shards
	Progress func(done, total int) // layers looked at; may be nil
}

// Mixed returns m's weights, each stored as suits it, in at most so many bytes as the
// budget gives, if there is a way. The images are what errors are measured on.
//
// It holds the network as float32, packed, and a few times the activations of all images
// at Levels noise levels. The error is one of reading the numbers, says that the budget
// is too small, or wraps the cause of ctx.
func Mixed(ctx context.Context, m *model.Model, im Images, o Options) ([]weights.Tensor, error) {
	s, err := newSearch(ctx, m, im, o)
	if err != nil {
		return nil, err
	}
	flops := graph.CostOf(s.p).FLOPs
	probe, err := newPoints(m, im.Part(0, min(im.Len(), int(max(1, probeFLOPs/flops)))))
	if err != nil {
		return nil, err
	}
	options, err := s.sensitivities(probe)
	if err != nil {
		return nil, err
	}
	budget := o.Budget * float64(m.Parameters())
	if _, least := pick(options, math.MaxFloat64); least+s.rest > budget {
		return nil, fmt.Errorf("shrink: the model takes some %.2g bytes a parameter at least, need a budget above %g", (least+s.rest)/float64(m.Parameters()), o.Budget)
	}
	for aim, tries := 0.997*budget, 0; tries < 8; tries++ {
		tensors, err := s.round(allocate(options, aim-s.rest))
		if err != nil {
			return nil, err
		}
		size, err := sizeOf(tensors)
		if err != nil {
			return nil, err
		}
		if float64(size) <= budget {
			return tensors, nil
		}
		aim -= 1.05*(float64(size)-budget) + 0.003*budget // the estimate was off by so much
	}
	return nil, fmt.Errorf("shrink: found no way to store the model in %.0f bytes, need a budget above %g bytes a parameter", budget, o.Budget)
}

// probeFLOPs is the work of evaluating the images that sensitivities are measured on, at
// one noise level: the network is evaluated anew for every layer.
const probeFLOPs = 2e9

// sizeOf returns the bytes of the shards of a model.
func sizeOf(tensors []weights.Tensor) (int, error) {
	size := 0
	e, err := weights.NewEncoder("size", &weights.Manifest{Name: "size", Config: []byte("{}")}, func(s weights.Shard, _ []byte) error {
		size += s.Bytes
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, t := range tensors {
		if err := e.Add(t); err != nil {
			return 0, err
		}
	}
	_, err = e.Close()
	return size, err
}

// search is a model that is being shrunk.
type search struct {
	Options
	ctx     context.Context
	p       *graph.Program
	out     graph.Value
	points  *points
	numbers map[string][]float32
	names   map[graph.Value]string
	params  []graph.Declared // in the order of names
	layers  []*layer
	rest    float64 // bytes of what is no layer
	done    int     // layers looked at
}

func newSearch(ctx context.Context, m *model.Model, im Images, o Options) (*search, error) {
	points, err := newPoints(m, im)
	if err != nil {
		return nil, err
	}
	s := &search{Options: o, ctx: ctx, p: m.Network().Program, out: m.Network().Out, points: points, numbers: map[string][]float32{}, names: map[graph.Value]string{}}
	err = m.Each(func(d graph.Declared, w []float32) error {
		s.numbers[d.Name], s.names[d.Value] = slices.Clone(w), d.Name
		s.params = append(s.params, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.layers = layersOf(s.p, s.numbers)
	weighed := map[string]bool{}
	for _, l := range s.layers {
		weighed[l.name] = true
	}
	for name, w := range s.numbers {
		s.rest += headerBytes
		if !weighed[name] {
			s.rest += 4 * float64(len(w))
		}
	}
	return s, nil
}

// headerBytes is about what a tensor's entry in a header takes after zstd.
const headerBytes = 30

// progress tells that a layer has been looked at, and when it is time to stop.
func (s *search) progress() error {
	s.done++
	if s.Progress != nil {
		s.Progress(s.done, max(s.done, 2*len(s.layers)))
	}
	if s.ctx.Err() != nil {
		return fmt.Errorf("shrink: stopped: %w", context.Cause(s.ctx))
	}
	return nil
}

// load returns the numbers of operation i, those of with in place of the model's.
func (s *search) load(i int, with map[string][]float32) []quant.Numbers {
	var out []quant.Numbers
	for _, v := range s.p.Nodes[i].Params {
		n, ok := with[s.names[v]]
		if !ok {
			n = s.numbers[s.names[v]]
		}
		out = append(out, quant.Numbers{Float: n})
	}
	return out
}

// sensitivities returns the ways to store each layer, after measuring what D makes of
// errors in its weights alone.
func (s *search) sensitivities(probe *points) ([][]option, error) {
	t := newTrace(s.p, s.out, probe.n, probe.inputs)
	runners := make([]graph.Runner, len(s.p.Nodes))
	whole := t.fork()
	for i := range runners {
		runners[i] = whole.bind(i, s.load(i, nil))
		whole.step(i, runners[i])
	}
	f0 := whole.values[s.out]
	out := make([][]option, len(s.layers))
	for i := range runners {
		if k := s.layerAt(i); k >= 0 {
			l := s.layers[k]
			c := choice{step: float32(max(l.rms()/3, 0x1p-120))} // some four bits a weight
			w, _ := l.stored(c, nil, 0)
			try := t.fork()
			try.step(i, try.bind(i, s.load(i, map[string][]float32{l.name: w})))
			for j := i + 1; j < len(runners); j++ {
				try.step(j, runners[j])
			}
			sensitivity := 0.0
			if e := l.error(c); e > 0 {
				sensitivity = total(probe.errors(try.values[s.out], f0)) / e
			}
			out[k] = l.options(sensitivity)
			if err := s.progress(); err != nil {
				return nil, err
			}
		}
		t.step(i, runners[i])
	}
	return out, nil
}

// layerAt returns the number of the layer that operation i is, −1 for none.
func (s *search) layerAt(i int) int {
	return slices.IndexFunc(s.layers, func(l *layer) bool { return l.node == i })
}

// stored returns the layer's weights stored as c says, as numbers and as a tensor. With
// rows of inputs, as many as count, they are rounded with feedback.
func (l *layer) stored(c choice, inputs []float32, count int) ([]float32, weights.Tensor) {
	var codes []int8
	var scales []float32
	if count > 0 {
		g, found := c.grid(l, squares(inputs, count, l.cols))
		codes, scales = g.feedback(l.w, l.cols, inputs, count), found
	} else {
		g, found := c.grid(l, nil)
		codes, scales = g.plain(l.w), found
	}
	t := c.tensor(l, codes, scales)
	w, err := t.Float32()
	if err != nil {
		panic("shrink: " + err.Error()) // codes and scales are made to fit
	}
	return w, t
}

// squares returns the mean square of each column.
func squares(rows []float32, count, cols int) []float32 {
	out := make([]float32, cols)
	for i := range count {
		for j, v := range rows[i*cols : (i+1)*cols] {
			out[j] += float32(v * v)
		}
	}
	for j := range out {
		out[j] /= float32(count)
	}
	return out
}

// round returns the model's tensors, its layers stored as chosen, in the order of names.
func (s *search) round(choices []choice) ([]weights.Tensor, error) {
	before := newTrace(s.p, s.out, s.points.n, s.points.inputs)
	after := before.fork()
	stored := map[string]weights.Tensor{}
	rounded, biases := map[string][]float32{}, map[string][]float32{}
	for i, node := range s.p.Nodes {
		r := before.bind(i, s.load(i, nil))
		k := s.layerAt(i)
		before.step(i, r)
		if k < 0 {
			after.step(i, after.bind(i, s.load(i, rounded)))
			continue
		}
		l := s.layers[k]
		var inputs []float32
		count := 0
		if summed(node.Op) {
			inputs, count = l.inputs(s.p, after.values[node.In[0]], s.points.n)
		}
		w, t := l.stored(choices[k], inputs, count)
		stored[l.name], rounded[l.name] = t, w
		after.step(i, after.bind(i, s.load(i, rounded)))
		if l.bias != "" {
			biases[l.bias] = corrected(s.numbers[l.bias], before.values[node.Out], after.values[node.Out])
		}
		if err := s.progress(); err != nil {
			return nil, err
		}
	}
	var out []weights.Tensor
	for _, d := range s.params {
		t, ok := stored[d.Name]
		if !ok {
			w := s.numbers[d.Name]
			if biases[d.Name] != nil {
				w = biases[d.Name]
			}
			var err error
			if t, err = weights.Quantise(d.Name, d.Shape, w, weights.Storage{DType: weights.F32}); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// corrected returns a bias to which is added what the channels of after, the outputs
// with it, lack of before's on average, and adds that to after too.
func corrected(bias, before, after []float32) []float32 {
	c := len(bias)
	lack := make([]float64, c)
	for i := range after {
		lack[i%c] += float64(before[i]) - float64(after[i])
	}
	out := make([]float32, c)
	for j := range out {
		lack[j] /= float64(len(after) / c)
		out[j] = float32(float64(bias[j]) + lack[j])
	}
	for i := range after {
		after[i] += float32(lack[i%c])
	}
	return out
}
