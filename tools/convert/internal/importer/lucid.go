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
	"tweedie/core/tensor"
)

// planLucid reads the network of lucidrains' denoising-diffusion-pytorch, from version 1
// on. It is not the U-Net of core/unet but a program in the model's file.
func planLucid(v *view, h Hints) (*plan, error) {
	if h.Size == 0 {
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	levels := v.count("downs.%d.0.block1.proj.weight")
	if levels == 0 || h.Size%(1<<(levels-1)) != 0 {
		return nil, fmt.Errorf("--size is %d, need a multiple of %d for %d levels", h.Size, 1<<max(0, levels-1), levels)
	}
	l, era, assumed := newLucid(v, h)
	out := l.network(h.Size)
	if err := errors.Join(list("missing", l.missing), l.wrong, l.Err()); err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	listing, err := graph.List(l.Program, out)
	if err != nil {
		return nil, err
	}
	channels := l.Inputs[0].Shape[2]
	p := &plan{find: l.find, assumed: assumed}
	p.config = model.Config{Arch: model.Program, Program: listing, Shape: [3]int{channels, h.Size, h.Size}}
	if l.Shape(out)[2] == 2*channels {
		p.config.Variance = model.Learned
	}
	usual, err := l.process(h)
	if err != nil {
		return nil, err
	}
	p.found = append(p.found, fmt.Sprintf("%d levels, from %d channels, %s", levels, v.dim("init_conv.weight", 0), era), usual.says)
	if l.own {
		p.found = append(p.found, "it takes its own former estimate too (self-conditioning): here it is always given none, as in its first step")
	}
	return p, p.trained(v, h, origin{process: usual.process})
}

// process reads the chain off the buffers that GaussianDiffusion keeps beside its
// network, and what the network predicts off the weights of its loss: 1 for ε, the
// signal-to-noise ratio r for x₀, r/(r+1) for v.
func (l *lucid) process(h Hints) (origin, error) {
	around := l.root[:strings.LastIndex(strings.TrimSuffix(l.root, "."), ".")+1]
	buffers := map[string][]float32{}
	for i := range l.file.Tensors {
		t := &l.file.Tensors[i]
		if name, ok := strings.CutPrefix(t.Name, around); ok && (name == "betas" || name == "loss_weight") && len(t.Shape) == 1 {
			numbers, err := t.Float32()
			if err != nil {
				return origin{}, err
			}
			buffers[name] = numbers
		}
	}
	o := origin{process: process{prediction: h.Prediction}, says: "the chain is that of the file's betas"}
	betas, weight := buffers["betas"], buffers["loss_weight"]
	if betas == nil {
		if h.Schedule == "" || h.Prediction == "" {
			return o, errors.New("there are no betas beside the network, need --beta-schedule and --prediction")
		}
		o.says = "the chain is told, not in the file"
		return o, nil
	}
	s := &diffusion.Schedule{Kind: diffusion.Table}
	if n := len(betas); n > 1 && betas[n-1] >= 1 { // as cosine chains end in version 1.6
		betas = betas[:n-1]
		weight = weight[:min(len(weight), n-1)]
		o.says += ", but for the last step, which is pure noise"
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
		return o, errors.New("there is no loss_weight beside the network to tell what it predicts, need --prediction")
	}
	for what, of := range map[diffusion.Prediction]func(r float64) float64{
		diffusion.PredictEpsilon: func(float64) float64 { return 1 },
		diffusion.PredictX0:      func(r float64) float64 { return r },
		diffusion.PredictV:       func(r float64) float64 { return r / (r + 1) },
	} {
		fits := true
		for t, w := range weight {
			if r := 1 / (chain.Sigmas[t] * chain.Sigmas[t]); r > 1e-3 && r < 1 { // above, the weight may be clipped
				fits = fits && math.Abs(float64(w)/of(r)-1) < 1e-2
			}
		}
		if fits {
			o.process.prediction = string(what)
			o.says += fmt.Sprintf(", and the weights of its loss are those of predicting %s", what)
			return o, nil
		}
	}
	return o, errors.New("loss_weight is that of no prediction that is known, need --prediction")
}

// lucid writes the network down, under the names of its parameters.
type lucid struct {
	*graph.Program
	*view
	grouped bool        // before version 2: blocks have group norms
	wrapped bool        // before 1.8: attention has its norm around it
	own     bool        // it takes its own estimate beside the picture
	heads   int         // of attention without mem_kv, which shows them
	emb     graph.Value // SiLU of the embedding of time
	missing []string    // parameters that the checkpoint lacks
	wrong   error       // what does not fit
}

// newLucid tells from names how old a network is, and so what else it computes. The
// releases of 1.7, which are of two days of June 2023, have the names of those before.
func newLucid(v *view, h Hints) (l *lucid, era string, assumed []string) {
	l = &lucid{
		Program: &graph.Program{}, view: v, heads: h.Heads, grouped: v.has("final_res_block.block1.norm.weight"), wrapped: v.has("mid_attn.fn.norm.g"),
		own: v.dim("init_conv.weight", 1) == 2*v.dim("final_conv.weight", 0),
	}
	era = "as of version 2"
	if l.grouped {
		era = "as of version 1.8 or 1.9"
		assumed = append(assumed, "group norms have 8 groups, which the weights do not show")
	}
	if l.wrapped {
		era = "as before version 1.7"
		assumed = append(assumed, "convolutions before group norms standardise their weights, and norms of attention subtract the mean, as before version 1.7")
	}
	if !v.has("mid_attn.mem_kv") && l.heads == 0 {
		l.heads = 4
		assumed = append(assumed, "attention has 4 heads, which the weights do not show")
	}
	return l, era, assumed
}

// param declares a parameter of the shape that the checkpoint has, without the axes of
// 1×1 convolutions; find undoes that.
func (l *lucid) param(name string, axes int) graph.Value {
	shape := []int{1}
	if t := l.tensors[name]; t != nil {
		shape = t.Shape
	} else {
		l.missing = append(l.missing, fmt.Sprintf("%q", name))
	}
	if strings.HasSuffix(name, ".g") {
		shape = []int{tensor.Size(shape)}
	}
	for len(shape) > axes && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return l.Param(name, graph.Init{}, shape...)
}

// linear maps channels, as a linear map or a 1×1 convolution.
func (l *lucid) linear(name string, x graph.Value) graph.Value {
	return l.Apply(graph.Linear{}, x, l.param(name+".weight", 2), l.param(name+".bias", 1))
}

// conv is a square convolution with zeros around.
func (l *lucid) conv(name string, x graph.Value) graph.Value {
	size := l.dim(name+".weight", 3)
	op := graph.Conv{Size: size, Stride: 1, Before: size / 2, After: size / 2}
	return l.Apply(op, x, l.param(name+".weight", 4), l.param(name+".bias", 1))
}

func (l *lucid) network(size int) graph.Value {
	channels := max(1, l.dim("init_conv.weight", 1))
	if l.own {
		channels /= 2
	}
	x := l.Input("x", size, size, channels)
	if l.own {
		x = l.Apply(graph.Concat{}, l.Apply(graph.Affine{}, x), x)
	}
	x = l.conv("init_conv", x)
	t := l.Apply(graph.Sinusoid{Width: l.dim("time_mlp.1.weight", 1), FreqShift: 1}, l.Input("t", 1))
	t = l.Apply(graph.Map{Fn: "gelu"}, l.linear("time_mlp.1", t))
	l.emb = l.Apply(graph.SiLU{}, l.linear("time_mlp.3", t))
	skips := []graph.Value{x}
	levels := l.count("downs.%d.0.block1.proj.weight")
	for i := range levels {
		down := fmt.Sprintf("downs.%d.", i)
		x = l.resnet(down+"0", x)
		skips = append(skips, x)
		x = l.attention(down+"2", l.resnet(down+"1", x))
		skips = append(skips, x)
		switch {
		case i == levels-1:
			x = l.conv(down+"3", x)
		case l.has(down + "3.weight"): // as in the first releases
			op := graph.Conv{Size: 4, Stride: 2, Before: 1, After: 1}
			x = l.Apply(op, x, l.param(down+"3.weight", 4), l.param(down+"3.bias", 1))
		default:
			x = l.linear(down+"3.1", l.Apply(graph.SpaceToDepth{}, x))
		}
	}
	x = l.resnet("mid_block2", l.attention("mid_attn", l.resnet("mid_block1", x)))
	join := func(x graph.Value) graph.Value {
		x = l.Apply(graph.Concat{}, x, skips[len(skips)-1])
		skips = skips[:len(skips)-1]
		return x
	}
	for i := range levels {
		up := fmt.Sprintf("ups.%d.", i)
		x = l.resnet(up+"0", join(x))
		x = l.attention(up+"2", l.resnet(up+"1", join(x)))
		if i < levels-1 {
			x = l.conv(up+"3.1", l.Apply(graph.Upsample{}, x))
		} else {
			x = l.conv(up+"3", x)
		}
	}
	return l.linear("final_conv", l.resnet("final_res_block", join(x)))
}

// resnet is a residual block, whose first half the embedding of time modulates.
func (l *lucid) resnet(name string, x graph.Value) graph.Value {
	norm := l.norm
	if l.grouped {
		norm = l.groupNorm
	}
	h := norm(name+".block1.norm", l.conv(name+".block1.proj", x))
	h = l.Apply(graph.Modulate{}, h, l.linear(name+".mlp.1", l.emb))
	h = l.conv(name+".block2.proj", l.Apply(graph.SiLU{}, h))
	h = l.Apply(graph.SiLU{}, norm(name+".block2.norm", h))
	if l.has(name + ".res_conv.weight") {
		x = l.linear(name+".res_conv", x)
	}
	return l.Apply(graph.Add{}, x, h)
}

func (l *lucid) groupNorm(name string, x graph.Value) graph.Value {
	return l.Apply(graph.GroupNorm{Groups: 8, Eps: 1e-5}, x, l.param(name+".weight", 1), l.param(name+".bias", 1))
}

// norm divides a pixel by the root of its channels' mean square and scales them (Zhang
// & Sennrich 2019, arXiv:1910.07467), or, before version 1.7, normalises it.
func (l *lucid) norm(name string, x graph.Value) graph.Value {
	s := l.Shape(x)
	if len(s) != 3 {
		return x // after a mistake, which Err tells
	}
	if l.wrapped {
		gamma := l.param(name+".g", 1)
		return l.Apply(graph.LayerNorm{Eps: 1e-5}, x, gamma, l.Param(name+noShift, graph.Init{}, l.Shape(gamma)...))
	}
	square := l.Apply(graph.Map{Fn: "square"}, x)
	length := l.Apply(graph.Map{Fn: "sqrt"}, l.Apply(graph.Reduce{Fn: "sum"}, square))
	length = l.Apply(graph.Map{Fn: "clip", A: 1e-12, B: math.MaxFloat32}, length)
	shape, steps := []int{s[0], s[1], s[2]}, []int{s[1] * s[2], s[2], 1}
	x = l.Apply(graph.Zip{Fn: "div", Shape: shape, A: steps, B: []int{s[1], 1, 0}}, x, length)
	x = l.Apply(graph.Affine{Scale: float32(math.Sqrt(float64(s[2])))}, x)
	return l.Apply(graph.Zip{Fn: "mul", Shape: shape, A: steps, B: []int{0, 0, 1}}, x, l.param(name+".g", 1))
}

// noShift names the shift of a norm that has none.
const noShift = ".none"

// find returns where a parameter is: under its own name, with the axes that the
// checkpoint has. Before the convolution of a folded image, channels come before the
// pixels of a block there, and after them here.
func (l *lucid) find(d graph.Declared) part {
	if name, ok := strings.CutSuffix(d.Name, noShift); ok {
		name += ".g"
		if t := l.tensors[name]; t != nil {
			return part{from: []string{name}, shapes: [][]int{t.Shape}, make: zeros}
		}
		return renamed(name, d.Shape...)
	}
	t := l.tensors[d.Name]
	if t == nil || tensor.Size(t.Shape) != tensor.Size(d.Shape) {
		return renamed(d.Name, d.Shape...)
	}
	p := renamed(d.Name, t.Shape...)
	switch {
	case strings.HasPrefix(d.Name, "downs.") && strings.HasSuffix(d.Name, ".3.1.weight"):
		p.make = unfolded
	case l.wrapped && strings.HasSuffix(d.Name, ".proj.weight"):
		p.make = standardised
	}
	return p
}

// zeros are as many as there are numbers.
func zeros(in []*gorgonia.Dense) (*gorgonia.Dense, error) { return in[0].MulScalar(float32(0), true) }

// standardised takes the mean from the weights of each output channel and divides by
// their deviation (Qiao et al. 2019, arXiv:1903.10520).
func standardised(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
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

// unfolded takes weights [out, C, 2·2] to [out, 2·2, C].
func unfolded(in []*gorgonia.Dense) (*gorgonia.Dense, error) {
	d := in[0]
	out, rest := d.Shape()[0], d.Shape()[1]
	if err := d.Reshape(out, rest/4, 4); err != nil {
		return nil, err
	}
	return d, d.T(0, 2, 1)
}
