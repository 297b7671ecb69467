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

// Options are the settings of Mixed and Uniform.
type Options struct {
	Kinds    []weights.DType       // Mixed: the allowed types of layers, of F16, I8 and I4
	Budget   float64               // Mixed: size of all shards in bytes per parameter
	Folder   string                // folder of the temporary file, "" for the system's
	Progress func(done, total int) // called after each processed layer; may be nil
}

// Mixed returns m's weights with the storage of each layer chosen to minimize the error, in at
// most the number of bytes that the budget gives. Errors are measured on the images.
//
// It keeps in memory the network as float32, or one operation of a network with more than
// MaxResident parameters, and a few times the activations of all images at Levels noise levels.
// The error is a read error, reports a budget that is too small, or wraps the cause of ctx.
func Mixed(ctx context.Context, m *model.Model, im Images, o Options) (*Tensors, error) {
	return run(ctx, m, im, o, (*search).mixed)
}

// Uniform returns m's weights, all layers stored in the same way, I8 or I4, and rounded with
// feedback on the images. Memory and errors are those of Mixed, without a budget.
func Uniform(ctx context.Context, m *model.Model, im Images, as weights.Storage, o Options) (*Tensors, error) {
	return run(ctx, m, im, o, func(s *search, out *Tensors) error { return s.uniform(out, as) })
}

// run returns the tensors that by stores for m.
func run(ctx context.Context, m *model.Model, im Images, o Options, by func(*search, *Tensors) error) (*Tensors, error) {
	if err := im.check(m); err != nil {
		return nil, err
	}
	out, err := newTensors(o.Folder)
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

// mixed chooses the storage of each layer and rounds it.
func (s *search) mixed(out *Tensors) error {
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
		return fmt.Errorf("quantize: the model needs at least about %.2g bytes per parameter: choose a budget above %g", (least+s.rest)/float64(s.model.Parameters()), s.Budget)
	}
	for aim, tries := 0.997*budget, 0; tries < maxTries; tries++ {
		size, err := s.round(out, allocate(options, aim-s.rest))
		if err != nil || float64(size) <= budget {
			return err
		}
		aim -= 1.05*(float64(size)-budget) + 0.003*budget // corrects for the error of the estimate
	}
	return fmt.Errorf("quantize: cannot store the model in %.0f bytes: choose a budget above %g bytes per parameter", budget, s.Budget)
}

// maxTries bounds how often layers are rounded to meet the budget.
const maxTries = 8

// uniform stores all layers in the same way.
func (s *search) uniform(out *Tensors, as weights.Storage) error {
	s.visits = len(s.layers)
	_, err := s.round(out, slices.Repeat([]choice{{dtype: as.DType, levels: as.Levels}}, len(s.layers)))
	return err
}

// probeFLOPs is the work of evaluating the images that sensitivities are measured on, at one
// noise level. It is small because the network is evaluated anew for every layer.
const probeFLOPs = 2e9

// search is the state of quantizing a model.
type search struct {
	Options
	ctx      context.Context
	model    *model.Model
	p        *graph.Program
	out      graph.Value
	images   Images
	points   *points
	resident map[string][]float32 // the parameters of a network of at most MaxResident, else nil
	names    map[graph.Value]string
	layers   []*layer
	rest     float64 // bytes of everything but layers
	done     int     // number of processed layers
	visits   int     // the least number of layers to process
}

func newSearch(ctx context.Context, m *model.Model, im Images, o Options) (*search, error) {
	points, err := newPoints(m, im)
	if err != nil {
		return nil, err
	}
	s := &search{Options: o, ctx: ctx, model: m, p: m.Network().Program, out: m.Network().Out, images: im, points: points}
	s.names, s.layers = namesOf(s.p), layersOf(s.p)
	if m.Parameters() <= MaxResident {
		s.resident = map[string][]float32{}
		err := m.Each(func(d graph.Declared, w []float32) error {
			s.resident[d.Name] = slices.Clone(w)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	isLayer := map[string]bool{}
	for _, l := range s.layers {
		isLayer[l.name] = true
	}
	for _, d := range s.p.Params {
		s.rest += headerBytes
		if !isLayer[d.Name] {
			s.rest += 4 * float64(tensor.Size(d.Shape))
		}
	}
	return s, nil
}

// numbers returns the numbers of a parameter.
func (s *search) numbers(name string) []float32 {
	if s.resident != nil {
		return s.resident[name]
	}
	return s.model.Numbers(name).Float32()
}

// loadedLayer returns layer k with its weights.
func (s *search) loadedLayer(k int) *layer {
	l := *s.layers[k]
	l.w = s.numbers(l.name)
	return &l
}

// headerBytes is the approximate size of a tensor's header entry after zstd.
const headerBytes = 30

// progress reports that a layer has been processed. It returns an error if the context has
// ended or reading has failed.
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

// load returns the parameters of operation i. Those that with contains replace the model's;
// with may be nil.
func (s *search) load(i int, with *Tensors) ([]quant.Numbers, error) {
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

// step evaluates operation i of t with the parameters of load.
func (s *search) step(t *trace, i int, with *Tensors) error {
	numbers, err := s.load(i, with)
	if err != nil {
		return err
	}
	t.step(i, t.bind(i, numbers))
	return nil
}

// sensitivities returns the options of each layer, after measuring the effect on D of an error
// in its weights alone.
func (s *search) sensitivities(probe *points) ([][]option, error) {
	t := newTrace(s.p, s.out, probe.n, probe.inputs)
	bound := make([]graph.Runner, len(s.p.Nodes)) // of a resident network
	step := func(t *trace, i int) error {
		if s.resident == nil {
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
			l := s.loadedLayer(k)
			c := choice{dtype: weights.I8, step: float32(max(l.rms()/3, 0x1p-120))} // about four bits per weight
			rounded, err := l.quantized(c, inputs{})
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

// layerAt returns the index of the layer of operation i, −1 if it is not a layer.
func (s *search) layerAt(i int) int {
	return slices.IndexFunc(s.layers, func(l *layer) bool { return l.node == i })
}

// quantized returns the layer's weights stored as c. If there are inputs, codes are rounded
// with feedback.
func (l *layer) quantized(c choice, in inputs) (*weights.Tensor, error) {
	if c.dtype == weights.F16 {
		t, err := weights.Quantize(l.name, l.shape, l.w, weights.Storage{DType: c.dtype})
		return &t, err
	}
	if in.count == 0 {
		g, scales := c.grid(l, nil)
		return c.tensor(l, g.nearest(l.w), scales), nil
	}
	g, scales := c.grid(l, in.squares(l.cols))
	return c.tensor(l, g.feedback(l.w, l.cols, in), scales), nil
}

// squares returns the mean square of each of the given number of columns.
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

// round puts the model's tensors into out, with layers stored as chosen, and returns the size
// of the shards in bytes.
func (s *search) round(out *Tensors, choices []choice) (size int, err error) {
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
			l := s.loadedLayer(k)
			var in inputs
			if isLinear(node.Op) {
				in = l.inputs(s.p, after.values[node.In[0]], s.points.n)
			}
			t, err := l.quantized(choices[k], in)
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

// corrected returns a bias that compensates the mean difference between after and before, the
// outputs with and without quantization, for each channel. It also corrects after.
func corrected(bias, before, after []float32) []float32 {
	c := len(bias)
	shift := make([]float64, c)
	for i := range after {
		shift[i%c] += float64(before[i]) - float64(after[i])
	}
	out := make([]float32, c)
	for j := range out {
		shift[j] /= float64(len(after) / c)
		out[j] = float32(float64(bias[j]) + shift[j])
	}
	for i := range after {
		after[i] += float32(shift[i%c])
	}
	return out
}
