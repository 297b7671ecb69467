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

// planLucid reads the network of lucidrains' denoising-diffusion-pytorch from version 2
// on. It is not the U-Net of core/unet but a program in the model's file.
func planLucid(v *view, h Hints) (*plan, error) {
	if h.Size == 0 {
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	if !v.has("final_res_block.block1.norm.g") {
		return nil, errors.New("its blocks have group norms, as before version 2, when weights were standardised or not, which they do not show: need a checkpoint of version 2 or later")
	}
	levels := v.count("downs.%d.0.block1.proj.weight")
	if levels == 0 || h.Size%(1<<(levels-1)) != 0 {
		return nil, fmt.Errorf("--size is %d, need a multiple of %d for %d levels", h.Size, 1<<max(0, levels-1), levels)
	}
	l := &lucid{Program: &graph.Program{}, view: v}
	out := l.network(h.Size)
	if err := errors.Join(list("missing", l.missing), l.Err()); err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	listing, err := graph.List(l.Program, out)
	if err != nil {
		return nil, err
	}
	channels := v.dim("init_conv.weight", 1)
	p := &plan{find: l.find}
	p.config = model.Config{Arch: model.Program, Program: listing, Shape: [3]int{channels, h.Size, h.Size}}
	if l.Shape(out)[2] == 2*channels {
		p.config.Variance = model.Learned
	}
	usual, err := l.process(h)
	if err != nil {
		return nil, err
	}
	p.found = append(p.found, fmt.Sprintf("%d levels, from %d channels", levels, v.dim("init_conv.weight", 0)), usual.says)
	return p, p.trained(v, h, origin{process: usual.process})
}

// process reads the chain off the buffers that GaussianDiffusion keeps beside its
// network, and what the network predicts off the weights of its loss: 1 for ε, the
// signal-to-noise ratio r for x₀, r/(r+1) for v.
func (l *lucid) process(h Hints) (origin, error) {
	around := strings.TrimSuffix(l.root, "model.")
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
	emb     graph.Value // SiLU of the embedding of time
	missing []string    // parameters that the checkpoint lacks
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
	x := l.conv("init_conv", l.Input("x", size, size, max(1, l.dim("init_conv.weight", 1))))
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
		if i < levels-1 {
			x = l.linear(down+"3.1", l.Apply(graph.SpaceToDepth{}, x))
		} else {
			x = l.conv(down+"3", x)
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
	h := l.norm(name+".block1.norm", l.conv(name+".block1.proj", x))
	h = l.Apply(graph.Modulate{}, h, l.linear(name+".mlp.1", l.emb))
	h = l.conv(name+".block2.proj", l.Apply(graph.SiLU{}, h))
	h = l.Apply(graph.SiLU{}, l.norm(name+".block2.norm", h))
	if l.has(name + ".res_conv.weight") {
		x = l.linear(name+".res_conv", x)
	}
	return l.Apply(graph.Add{}, x, h)
}

// norm divides a pixel by the root of its channels' mean square and scales them (Zhang
// & Sennrich 2019, arXiv:1910.07467).
func (l *lucid) norm(name string, x graph.Value) graph.Value {
	s := l.Shape(x)
	if len(s) != 3 {
		return x // after a mistake, which Err tells
	}
	square := l.Apply(graph.Map{Fn: "square"}, x)
	length := l.Apply(graph.Map{Fn: "sqrt"}, l.Apply(graph.Reduce{Fn: "sum"}, square))
	length = l.Apply(graph.Map{Fn: "clip", A: 1e-12, B: math.MaxFloat32}, length)
	shape, steps := []int{s[0], s[1], s[2]}, []int{s[1] * s[2], s[2], 1}
	x = l.Apply(graph.Zip{Fn: "div", Shape: shape, A: steps, B: []int{s[1], 1, 0}}, x, length)
	x = l.Apply(graph.Affine{Scale: float32(math.Sqrt(float64(s[2])))}, x)
	return l.Apply(graph.Zip{Fn: "mul", Shape: shape, A: steps, B: []int{0, 0, 1}}, x, l.param(name+".g", 1))
}

// attention is attention over pixels and a few learned keys and values, mem_kv: softmax
// over them, or, where the output is normed, linear attention (Shen et al. 2018,
// arXiv:1812.01243).
func (l *lucid) attention(name string, x graph.Value) graph.Value {
	linear := l.has(name + ".to_out.1.g")
	heads, d, extra := l.dim(name+".mem_kv", 1), l.dim(name+".mem_kv", 3), l.dim(name+".mem_kv", 2)
	if linear {
		d, extra = extra, d
	}
	s := l.Shape(x)
	if len(s) != 3 || heads*d*extra == 0 || l.dim(name+".to_qkv.weight", 0) != 3*heads*d {
		l.Apply(graph.Fixed{}) // a mistake, which Err tells
		return x
	}
	pixels, width := s[0]*s[1], 3*heads*d
	qkv := l.Apply(graph.Linear{}, l.norm(name+".norm", x), l.param(name+".to_qkv.weight", 2))
	memory := l.Apply(graph.Fixed{}, l.param(name+".mem_kv", 4))
	q := l.Apply(graph.View{Shape: []int{heads, pixels, d}, Steps: []int{d, width, 1}}, qkv)
	// Keys and values are [heads, d, extra + pixels].
	joined := func(which int) graph.Value {
		steps := []int{extra * d, 1, d}
		if linear {
			steps = []int{extra * d, extra, 1}
		}
		m := l.Apply(graph.View{Offset: which * heads * d * extra, Shape: []int{heads, d, extra}, Steps: steps}, memory)
		own := l.Apply(graph.View{Offset: (1 + which) * heads * d, Shape: []int{heads, d, pixels}, Steps: []int{d, 1, width}}, qkv)
		return l.Apply(graph.Concat{}, m, own)
	}
	k, n := joined(0), extra+pixels
	v := l.Apply(graph.View{Shape: []int{heads, n, d}, Steps: []int{d * n, 1, n}}, joined(1))
	scale := graph.Affine{Scale: float32(1 / math.Sqrt(float64(d)))}
	if linear {
		q = l.Apply(scale, l.Apply(graph.Softmax{}, q))
		x1 := l.Apply(graph.MatMul{}, l.Apply(graph.Softmax{}, k), v)
		q = l.Apply(graph.MatMul{}, q, x1)
	} else {
		q = l.Apply(graph.MatMul{}, l.Apply(graph.Softmax{}, l.Apply(graph.MatMul{}, l.Apply(scale, q), k)), v)
	}
	h := l.Apply(graph.View{Shape: []int{pixels, heads, d}, Steps: []int{d, pixels * d, 1}}, q)
	h = l.Apply(graph.Reshape{Shape: []int{s[0], s[1], heads * d}}, h)
	if linear {
		h = l.norm(name+".to_out.1", l.linear(name+".to_out.0", h))
	} else {
		h = l.linear(name+".to_out", h)
	}
	return l.Apply(graph.Add{}, x, h)
}

// find returns where a parameter is: under its own name, with the axes that the
// checkpoint has. Before the convolution of a folded image, channels come before the
// pixels of a block there, and after them here.
func (l *lucid) find(d graph.Declared) part {
	t := l.tensors[d.Name]
	if t == nil || tensor.Size(t.Shape) != tensor.Size(d.Shape) {
		return renamed(d.Name, d.Shape...)
	}
	p := renamed(d.Name, t.Shape...)
	if strings.HasPrefix(d.Name, "downs.") && strings.HasSuffix(d.Name, ".3.1.weight") {
		p.make = unfolded
	}
	return p
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
