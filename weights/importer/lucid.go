package importer

import (
	"errors"
	"fmt"
	"math"
	"strings"

	gorgonia "gorgonia.org/tensor"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// planLucid reads the network of lucidrains' denoising-diffusion-pytorch, from version 1 on. It
// does not fit the U-Net of core/unet and becomes a program in the model's file.
func planLucid(v *view, h Hints) (*plan, error) {
	if h.Size == (unet.Size{}) {
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	levels := v.count("downs.%d.")
	if n := 1 << max(0, levels-1); levels == 0 || h.Size.H%n != 0 || h.Size.W%n != 0 {
		return nil, fmt.Errorf("--size must be a multiple of %d for %d levels (got %v)", n, levels, h.Size)
	}
	l, era, assumed := newLucid(v, h)
	out := l.network(h.Size)
	if err := errors.Join(list("missing", l.missing), l.wrong, l.Err()); err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	listing, err := graph.Serialize(l.Program, out)
	if err != nil {
		return nil, err
	}
	channels := l.Inputs[0].Shape[2]
	p := &plan{find: l.find, assumed: assumed}
	if l.memory {
		p.without("heads")
	}
	p.config = model.Config{Arch: model.Program, Program: listing, Shape: [3]int{channels, h.Size.H, h.Size.W}}
	if l.Shape(out)[2] == 2*channels {
		p.config.Variance = model.Learned
	}
	usual, err := l.process(h)
	if err != nil {
		return nil, err
	}
	p.found = append(p.found, fmt.Sprintf("%d levels, from %d channels, %s", levels, v.dim("init_conv.weight", 0), era), usual.description)
	if l.own {
		p.found = append(p.found, "the network uses self-conditioning: its previous estimate is an input, which is always zero here, as in the first step")
	}
	return p, p.trained(v, h, convention{process: usual.process})
}

// version returns the version of the program that wrote the file, "" if the file does not
// contain it.
func (l *lucid) version() string {
	for _, v := range l.file.Values {
		if text, ok := v.Value.(string); ok && v.Name == "version" {
			return text
		}
	}
	return ""
}

// process reads the chain from the buffers that GaussianDiffusion saves with its network, and
// what the network predicts from the weights of its loss: 1 for ε, the signal-to-noise ratio r
// for x₀, r/(r+1) for v.
func (l *lucid) process(h Hints) (convention, error) {
	around := l.root[:strings.LastIndex(strings.TrimSuffix(l.root, "."), ".")+1]
	buffers := map[string][]float32{}
	for i := range l.file.Tensors {
		t := &l.file.Tensors[i]
		if name, ok := strings.CutPrefix(t.Name, around); ok && (name == "betas" || name == "loss_weight") && len(t.Shape) == 1 {
			numbers, err := t.Float32()
			if err != nil {
				return convention{}, err
			}
			buffers[name] = numbers
		}
	}
	o := convention{process: process{prediction: h.Prediction}, description: "the chain is that of the file's betas"}
	betas, weight := buffers["betas"], buffers["loss_weight"]
	if betas == nil {
		if h.Schedule == "" || h.Prediction == "" {
			return o, errors.New("the file has no betas: give --beta-schedule and --prediction")
		}
		o.description = "the chain is not in the file: it is that of the options"
		return o, nil
	}
	s := &diffusion.Schedule{Kind: diffusion.Table}
	if n := len(betas); n > 1 && betas[n-1] >= 1 { // cosine chains end so in version 1.6
		betas = betas[:n-1]
		weight = weight[:min(len(weight), n-1)]
		o.description += ", without the last step, which is pure noise"
	}
	for _, b := range betas {
		s.Betas = append(s.Betas, float64(b))
	}
	o.process.schedule = s
	chain, err := diffusion.NewChain(*s)
	if err != nil || h.Prediction != "" {
		return o, err
	}
	if len(weight) != len(betas) {
		return o, errors.New("the file has no loss_weight, which shows what the network predicts: give --prediction")
	}
	for what, weightOf := range map[diffusion.Prediction]func(r float64) float64{
		diffusion.PredictEpsilon: func(float64) float64 { return 1 },
		diffusion.PredictX0:      func(r float64) float64 { return r },
		diffusion.PredictV:       func(r float64) float64 { return r / (r + 1) },
	} {
		fits := true
		for t, w := range weight {
			if r := 1 / (chain.Sigmas[t] * chain.Sigmas[t]); r > 1e-3 && r < 1 { // above 1 the weight may be clipped
				fits = fits && math.Abs(float64(w)/weightOf(r)-1) < 1e-2
			}
		}
		if fits {
			o.process.prediction = string(what)
			o.description += fmt.Sprintf("; its loss has the weights of predicting %s", what)
			return o, nil
		}
	}
	return o, errors.New("loss_weight does not match any known prediction: give --prediction")
}

// lucid builds the network as a graph, with the names of its parameters.
type lucid struct {
	*graph.Program
	*view
	grouped bool        // before version 2: blocks have group norms
	wrapped bool        // before version 1.8: names of attention have the wrapper modules of its norm
	own     bool        // self-conditioning: the previous estimate is an input too
	memory  bool        // from version 1.9 on: attention has mem_kv
	heads   int         // of attention; mem_kv shows it, without mem_kv it is a hint
	emb     graph.Value // SiLU of the embedding of time
	missing []string    // weights that the checkpoint lacks
	wrong   error       // the first inconsistency
}

// newLucid determines from names how old a network is, and hence how it computes. The releases
// of version 1.7, all of two days in June 2023, have the same names as those before: only the
// version in a file of the author's Trainer distinguishes them.
func newLucid(v *view, h Hints) (l *lucid, era string, assumed []string) {
	l = &lucid{
		Program: &graph.Program{}, view: v, heads: h.Heads, memory: v.has("mid_attn.mem_kv"), grouped: v.width("final_res_block.block1.norm") > 0, wrapped: v.hasPart("mid_attn.fn."),
		own: v.dim("init_conv.weight", 1) == 2*v.dim("final_conv.weight", 0),
	}
	era = "as of version 2"
	if l.grouped {
		era = "as of version 1.8 or 1.9"
		assumed = append(assumed, "group norms have 8 groups, which the weights do not show")
	}
	switch version := l.version(); {
	case l.wrapped && strings.HasPrefix(version, "1.7."):
		l.wrong = fmt.Errorf("version %s of the program is not supported: its networks have the names of earlier versions but compute differently", version)
	case l.wrapped:
		era = "as before version 1.7"
		if version == "" {
			assumed = append(assumed, "convolutions before group norms standardize their weights, and norms of attention subtract the mean, as before version 1.7")
		}
	}
	if !l.memory && l.heads == 0 {
		l.heads = 4
		assumed = append(assumed, "attention has 4 heads, which the weights do not show")
	}
	return l, era, assumed
}

// out returns the number of output channels of a layer, which only its weights show.
func (l *lucid) out(name string) int {
	n := l.dim(name+".weight", 0)
	if n == 0 {
		l.missing = append(l.missing, fmt.Sprintf("%q", name+".weight"))
	}
	return max(1, n)
}

// linear is a linear map of channels, which may be stored as a 1×1 convolution.
func (l *lucid) linear(name string, x graph.Value, out int) graph.Value {
	s := l.Shape(x)
	return l.Apply(graph.Linear{}, x, l.Param(name+".weight", graph.Init{}, out, s[len(s)-1]), l.Param(name+".bias", graph.Init{}, out))
}

// conv is a square convolution with zero padding.
func (l *lucid) conv(name string, x graph.Value, out int, op graph.Conv) graph.Value {
	return l.Apply(op, x, l.Param(name+".weight", graph.Init{}, out, l.Shape(x)[2], op.Size, op.Size), l.Param(name+".bias", graph.Init{}, out))
}

// Convolutions of lucidrains' network: the first one, those inside, and those that halve the
// image in its first releases.
var (
	seven   = graph.Conv{Size: 7, Stride: 1, Before: 3, After: 3}
	three   = graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}
	halving = graph.Conv{Size: 4, Stride: 2, Before: 1, After: 1}
)

func (l *lucid) network(size unet.Size) graph.Value {
	channels, dim := max(1, l.dim("init_conv.weight", 1)), l.out("init_conv")
	if l.own {
		channels /= 2
	}
	x := l.Input("x", size.H, size.W, channels)
	if l.own {
		x = l.Apply(graph.Concat{}, l.Apply(graph.Affine{}, x), x)
	}
	x = l.conv("init_conv", x, dim, seven)
	t := l.Apply(graph.Sinusoid{Width: dim, FreqShift: 1}, l.Input("t", 1))
	t = l.Apply(graph.Unary{Fn: "gelu"}, l.linear("time_mlp.1", t, 4*dim))
	l.emb = l.Apply(graph.SiLU{}, l.linear("time_mlp.3", t, 4*dim))
	x, skips, widths := l.descend(x)
	join := func(x graph.Value) graph.Value {
		x = l.Apply(graph.Concat{}, x, skips[len(skips)-1])
		skips = skips[:len(skips)-1]
		return x
	}
	last := len(widths) - 1
	x = l.attention("mid_attn", l.resnet("mid_block1", x, widths[last]))
	x = l.resnet("mid_block2", x, widths[last])
	for i := range last {
		up, width, next := fmt.Sprintf("ups.%d.", i), widths[last-i], widths[last-i-1]
		x = l.resnet(up+"0", join(x), width)
		x = l.attention(up+"2", l.resnet(up+"1", join(x), width))
		if i < last-1 {
			x = l.conv(up+"3.1", l.Apply(graph.Upsample{}, x), next, three)
		} else {
			x = l.conv(up+"3", x, next, three)
		}
	}
	return l.linear("final_conv", l.resnet("final_res_block", join(x), dim), l.out("final_conv"))
}

// descend builds the levels on the way down. It returns the output, the skip connections for
// the way up, and the numbers of channels before and after each level.
func (l *lucid) descend(x graph.Value) (_ graph.Value, skips []graph.Value, widths []int) {
	skips, widths = []graph.Value{x}, []int{l.Shape(x)[2]}
	levels := l.count("downs.%d.")
	for i := range levels {
		down, width := fmt.Sprintf("downs.%d.", i), widths[i]
		x = l.resnet(down+"0", x, width)
		skips = append(skips, x)
		x = l.attention(down+"2", l.resnet(down+"1", x, width))
		skips = append(skips, x)
		folded := i < levels-1 && l.width(down+"3") == 0
		if down += "3"; folded {
			down += ".1"
		}
		next := l.out(down)
		widths = append(widths, next)
		switch {
		case i == levels-1:
			x = l.conv(down, x, next, three)
		case folded:
			x = l.linear(down, l.Apply(graph.SpaceToDepth{}, x), next)
		default:
			x = l.conv(down, x, next, halving)
		}
	}
	return x, skips, widths
}

// resnet is a residual block whose first half is modulated by the time embedding.
func (l *lucid) resnet(name string, x graph.Value, out int) graph.Value {
	norm := l.norm
	if l.grouped {
		norm = l.groupNorm
	}
	h := norm(name+".block1.norm", l.conv(name+".block1.proj", x, out, three))
	h = l.Apply(graph.Modulate{}, h, l.linear(name+".mlp.1", l.emb, 2*out))
	h = l.conv(name+".block2.proj", l.Apply(graph.SiLU{}, h), out, three)
	h = l.Apply(graph.SiLU{}, norm(name+".block2.norm", h))
	if l.Shape(x)[2] != out {
		x = l.linear(name+".res_conv", x, out)
	}
	return l.Apply(graph.Add{}, x, h)
}

func (l *lucid) groupNorm(name string, x graph.Value) graph.Value {
	c := l.Shape(x)[2]
	return l.Apply(graph.GroupNorm{Groups: 8, Eps: 1e-5}, x, l.Param(name+".weight", graph.Init{}, c), l.Param(name+".bias", graph.Init{}, c))
}

// norm divides the channels of a pixel by the root of their mean square and scales them (Zhang
// & Sennrich 2019, arXiv:1910.07467). Before version 1.7 it is a layer norm.
func (l *lucid) norm(name string, x graph.Value) graph.Value {
	s := l.Shape(x)
	gamma := l.Param(name+".g", graph.Init{}, s[2])
	if l.wrapped {
		return l.Apply(graph.LayerNorm{Eps: 1e-5}, x, gamma, l.Param(name+noShift, graph.Init{}, s[2]))
	}
	square := l.Apply(graph.Unary{Fn: "square"}, x)
	length := l.Apply(graph.Unary{Fn: "sqrt"}, l.Apply(graph.Reduce{Fn: "sum"}, square))
	length = l.Apply(graph.Unary{Fn: "clip", A: 1e-12, B: math.MaxFloat32}, length)
	shape, steps := []int{s[0], s[1], s[2]}, []int{s[1] * s[2], s[2], 1}
	x = l.Apply(graph.Binary{Fn: "div", Shape: shape, A: steps, B: []int{s[1], 1, 0}}, x, length)
	x = l.Apply(graph.Affine{Scale: float32(math.Sqrt(float64(s[2])))}, x)
	return l.Apply(graph.Binary{Fn: "mul", Shape: shape, A: steps, B: []int{0, 0, 1}}, x, gamma)
}

// noShift is the suffix for the shift of a norm that has none.
const noShift = ".none"

// find returns the tensors of a parameter: under its own name, in the shape that the checkpoint
// has. In the convolution after a folded image, channels come before the pixels of a block
// there, and after them here.
func (l *lucid) find(d graph.Declared) binding {
	shape := d.Shape
	switch name, noBias := strings.CutSuffix(d.Name, noShift); {
	case noBias:
		return binding{from: []string{name + ".g"}, shapes: [][]int{{1, shape[0], 1, 1}}, make: zeros}
	case strings.HasSuffix(d.Name, ".g"):
		shape = []int{1, shape[0], 1, 1}
	case len(l.shape(d.Name)) == 4:
		shape = pointwise(shape)
	}
	p := renamed(d.Name, shape...)
	switch {
	case strings.HasPrefix(d.Name, "downs.") && strings.HasSuffix(d.Name, ".3.1.weight"):
		p.make = channelsLast
	case l.wrapped && strings.HasSuffix(d.Name, ".proj.weight"):
		p.make = standardized
	}
	return p
}

// zeros returns zeros of the shape of its input.
func zeros(in []*gorgonia.Dense) (*gorgonia.Dense, error) { return in[0].MulScalar(float32(0), true) }

// standardized subtracts the mean from the weights of each output channel and divides them by
// their standard deviation (Qiao et al. 2019, arXiv:1903.10520).
func standardized(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	w, n := in[0].Float32s(), in[0].Shape()[0]
	for i := range n {
		row, mean, square := w[len(w)/n*i:len(w)/n*(i+1)], 0.0, 0.0
		for _, v := range row {
			mean += float64(v) / float64(len(row))
		}
		for _, v := range row {
			square += (float64(v) - mean) * (float64(v) - mean) / float64(len(row))
		}
		for j, v := range row {
			row[j] = float32((float64(v) - mean) / math.Sqrt(square+1e-5))
		}
	}
	return in[0], nil
}

// channelsLast permutes weights [out, C, 2·2] to [out, 2·2, C].
func channelsLast(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	d := in[0]
	out, rest := d.Shape()[0], d.Shape()[1]
	if err := d.Reshape(out, rest/4, 4); err != nil {
		return nil, err
	}
	return d, d.T(0, 2, 1)
}
