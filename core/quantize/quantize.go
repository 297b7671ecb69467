package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// Options say what Mixed and Uniform are to do.
type Options struct {
	Kinds    []weights.DType       // Mixed: how a layer may be stored, of F16, I8 and I4
	Budget   float64               // Mixed: bytes a parameter, of all shards
	Folder   string                // where tensors wait to be written, "" for the system's
	Progress func(done, total int) // layers looked at; may be nil
}

// Mixed returns m's weights, each layer's stored as suits it, in at most so many bytes as
// the budget gives, if there is a way. The images are what errors are measured on.
//
// It holds the network as float32, packed, or one operation of a network above Held, and
// a few times the activations of all images at Levels noise levels. The error is one of
// reading the numbers, says that the budget is too small, or wraps the cause of ctx.
func Mixed(ctx context.Context, m *model.Model, im Images, o Options) (*Stored, error) {
	return stored(ctx, m, im, o, (*search).mixed)
}

// Uniform returns m's weights, all of them stored as said, I8 or I4, and rounded with
// feedback on the images. What it holds, and the error, are as of Mixed, but for budgets.
func Uniform(ctx context.Context, m *model.Model, im Images, as weights.Storage, o Options) (*Stored, error) {
	return stored(ctx, m, im, o, func(s *search, out *Stored) error { return s.alike(out, as) })
}

// stored returns what by stores of m.
func stored(ctx context.Context, m *model.Model, im Images, o Options, by func(*search, *Stored) error) (*Stored, error) {
	out, err := newStored(o.Folder)
	if err != nil {
		return nil, err
	}
	s, err := newSearch(ctx, m, im, o)
	if err == nil {
		err = by(s, out)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// mixed stores each layer as suits it.
func (s *search) mixed(out *Stored) error {
	s.visits = 2 * len(s.layers)
	flops := graph.CostOf(s.p).FLOPs
	probe, err := newPoints(s.model, s.images.Part(0, min(s.images.Len(), int(max(1, probeFLOPs/flops)))))
	if err != nil {
		return err
	}
	options, err := s.sensitivities(probe)
	if err != nil {
		return err
	}
	budget := s.Budget * float64(s.model.Parameters())
	if _, least := pick(options, math.MaxFloat64); least+s.rest > budget {
		return fmt.Errorf("quantize: the model takes some %.2g bytes a parameter at least, need a budget above %g", (least+s.rest)/float64(s.model.Parameters()), s.Budget)
	}
	for aim, tries := 0.997*budget, 0; tries < maxTries; tries++ {
		size, err := s.round(out, allocate(options, aim-s.rest))
		if err != nil || float64(size) <= budget {
			return err
		}
		aim -= 1.05*(float64(size)-budget) + 0.003*budget // the estimate was off by so much
	}
	return fmt.Errorf("quantize: found no way to store the model in %.0f bytes, need a budget above %g bytes a parameter", budget, s.Budget)
}

// maxTries is how often layers are rounded until the shards keep to the budget.
const maxTries = 8

// alike stores all layers in one way.
func (s *search) alike(out *Stored, as weights.Storage) error {
	s.visits = len(s.layers)
	_, err := s.round(out, slices.Repeat([]choice{{dtype: as.DType, levels: as.Levels}}, len(s.layers)))
	return err
}

// probeFLOPs is the work of evaluating the images that sensitivities are measured on, at
// one noise level: the network is evaluated anew for every layer.
const probeFLOPs = 2e9

// sizeOf returns the bytes of the shards of a model.
func sizeOf(tensors *Stored) (int, error) {
	size := 0
	e, err := weights.NewEncoder("size", &weights.Manifest{Name: "size", Config: []byte("{}")}, func(s weights.Shard, _ []byte) error {
		size += s.Bytes
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := tensors.Each(e.Add); err != nil {
		return 0, err
	}
	_, err = e.Close()
	return size, err
}

// search is a model that is being shrunk.
type search struct {
	Options
	ctx    context.Context
	model  *model.Model
	p      *graph.Program
	out    graph.Value
	images Images
	points *points
	held   map[string][]float32 // the numbers of a network that is held, else nil
	names  map[graph.Value]string
	layers []*layer
	rest   float64 // bytes of what is no layer
	done   int     // layers looked at
	visits int     // how many will be, at least
}

func newSearch(ctx context.Context, m *model.Model, im Images, o Options) (*search, error) {
	points, err := newPoints(m, im)
	if err != nil {
		return nil, err
	}
	s := &search{Options: o, ctx: ctx, model: m, p: m.Network().Program, out: m.Network().Out, images: im, points: points}
	s.names, s.layers = namesOf(s.p), layersOf(s.p)
	if m.Parameters() <= Held {
		s.held = map[string][]float32{}
		err := m.Each(func(d graph.Declared, w []float32) error {
			s.held[d.Name] = slices.Clone(w)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	weighed := map[string]bool{}
	for _, l := range s.layers {
		weighed[l.name] = true
	}
	for _, d := range s.p.Params {
		s.rest += headerBytes
		if !weighed[d.Name] {
			s.rest += 4 * float64(tensor.Size(d.Shape))
		}
	}
	return s, nil
}

// numbers returns a parameter's.
func (s *search) numbers(name string) []float32 {
	if s.held != nil {
		return s.held[name]
	}
	return s.model.Numbers(name).Float32()
}

// opened returns layer k with its weights.
func (s *search) opened(k int) *layer {
	l := *s.layers[k]
	l.w = s.numbers(l.name)
	return &l
}

// headerBytes is about what a tensor's entry in a header takes after zstd.
const headerBytes = 30

// progress tells that a layer has been looked at, and when it is time to stop.
func (s *search) progress() error {
	s.done++
	if s.Progress != nil {
		s.Progress(s.done, max(s.done, s.visits))
	}
	if s.ctx.Err() != nil {
		return fmt.Errorf("quantize: stopped: %w", context.Cause(s.ctx))
	}
	return s.model.Err()
}

// load returns the numbers of operation i, those of with, if any, in place of the model's.
func (s *search) load(i int, with *Stored) ([]quant.Numbers, error) {
	var out []quant.Numbers
	for _, v := range s.p.Nodes[i].Params {
		name := s.names[v]
		if with == nil || with.tensors[name].Name == "" {
			out = append(out, quant.Numbers{Float: s.numbers(name)})
			continue
		}
		t, err := with.tensor(name)
		if err != nil {
			return nil, err
		}
		n, err := numbersOf(&t)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// step evaluates operation i of t with the model's own numbers, or those of with.
func (s *search) step(t *trace, i int, with *Stored) error {
	numbers, err := s.load(i, with)
	if err != nil {
		return err
	}
	t.step(i, t.bind(i, numbers))
	return nil
}

// sensitivities returns the ways to store each layer, after measuring what D makes of
// errors in its weights alone.
func (s *search) sensitivities(probe *points) ([][]option, error) {
	t := newTrace(s.p, s.out, probe.n, probe.inputs)
	bound := make([]graph.Runner, len(s.p.Nodes)) // of a network that is held
	step := func(t *trace, i int) error {
		if s.held == nil {
			return s.step(t, i, nil)
		}
		if bound[i] == nil {
			numbers, err := s.load(i, nil)
			if err != nil {
				return err
			}
			bound[i] = t.bind(i, numbers)
		}
		t.step(i, bound[i])
		return nil
	}
	rest := func(t *trace, from int) ([]float32, error) {
		for i := from; i < len(s.p.Nodes); i++ {
			if err := step(t, i); err != nil {
				return nil, err
			}
		}
		return t.values[s.out], nil
	}
	f0, err := rest(t.fork(), 0)
	if err != nil {
		return nil, err
	}
	out := make([][]option, len(s.layers))
	for i := range s.p.Nodes {
		if k := s.layerAt(i); k >= 0 {
			l := s.opened(k)
			c := choice{dtype: weights.I8, step: float32(max(l.rms()/3, 0x1p-120))} // some four bits a weight
			rounded, err := l.stored(c, inputs{})
			if err != nil {
				return nil, err
			}
			numbers, err := s.load(i, nil)
			if err != nil {
				return nil, err
			}
			if numbers[0], err = numbersOf(rounded); err != nil {
				return nil, err
			}
			try := t.fork()
			try.step(i, try.bind(i, numbers))
			f, err := rest(try, i+1)
			if err != nil {
				return nil, err
			}
			sensitivity := 0.0
			if e := l.error(numbers[0]); e > 0 {
				sensitivity = total(probe.errors(f, f0)) / e
			}
			if out[k], err = l.options(s.Kinds, sensitivity); err != nil {
				return nil, err
			}
			if err := s.progress(); err != nil {
				return nil, err
			}
		}
		if err := step(t, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// layerAt returns the number of the layer that operation i is, −1 for none.
func (s *search) layerAt(i int) int {
	return slices.IndexFunc(s.layers, func(l *layer) bool { return l.node == i })
}

// stored returns the layer's weights stored as c says. With inputs, codes are rounded with
// feedback.
func (l *layer) stored(c choice, in inputs) (*weights.Tensor, error) {
	if c.dtype == weights.F16 {
		t, err := weights.Quantize(l.name, l.shape, l.w, weights.Storage{DType: c.dtype})
		return &t, err
	}
	if in.count == 0 {
		g, scales := c.grid(l, nil)
		return c.tensor(l, g.plain(l.w), scales), nil
	}
	g, scales := c.grid(l, in.squares(l.cols))
	return c.tensor(l, g.feedback(l.w, l.cols, in), scales), nil
}

// squares returns the mean square of each of so many columns.
func (in inputs) squares(cols int) []float32 {
	out := make([]float32, cols)
	for low, high := range blocks(cols) {
		for i, v := range in.columns(low, high) {
			out[low+i%(high-low)] += float32(v * v)
		}
	}
	for j := range out {
		out[j] /= float32(in.count)
	}
	return out
}

// round stores the model's tensors in out, its layers as chosen, and returns the bytes of
// the shards.
func (s *search) round(out *Stored, choices []choice) (size int, err error) {
	out.clear()
	before := newTrace(s.p, s.out, s.points.n, s.points.inputs)
	after := before.fork()
	biases := map[string][]float32{}
	for i, node := range s.p.Nodes {
		if err := s.step(before, i, nil); err != nil {
			return 0, err
		}
		k := s.layerAt(i)
		if k >= 0 {
			l := s.opened(k)
			var in inputs
			if summed(node.Op) {
				in = l.inputs(s.p, after.values[node.In[0]], s.points.n)
			}
			t, err := l.stored(choices[k], in)
			if err == nil {
				err = out.put(*t)
			}
			if err != nil {
				return 0, err
			}
		}
		if err := s.step(after, i, out); err != nil {
			return 0, err
		}
		if k < 0 {
			continue
		}
		if bias := s.layers[k].bias; bias != "" {
			biases[bias] = corrected(s.numbers(bias), before.values[node.Out], after.values[node.Out])
		}
		if err := s.progress(); err != nil {
			return 0, err
		}
	}
	for _, d := range s.p.Params {
		if out.tensors[d.Name].Name != "" {
			continue
		}
		w := biases[d.Name]
		if w == nil {
			w = s.numbers(d.Name)
		}
		t, err := weights.Quantize(d.Name, d.Shape, w, weights.Storage{DType: weights.F32})
		if err == nil {
			err = out.put(t)
		}
		if err != nil {
			return 0, err
		}
	}
	if err := s.model.Err(); err != nil {
		return 0, err
	}
	return sizeOf(out)
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
