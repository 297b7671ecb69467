package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tweedie/core/model"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// family is a kind of network, in the naming of one program.
type family struct {
	name      string   // the value of --arch
	title     string   // for people
	signature []string // names of parameters that identify the family: only its networks have all of them
	plan      func(*view, Hints) (*plan, error)
	takes     []string // what its networks take of Hints, as the flags of tweedie convert
}

// The hints of networks that were trained on a chain or with EDM's preconditioning.
var chained = []string{"beta-schedule", "train-steps", "prediction", "time-scale", "sigma-data"}

// families lists the supported families, in the order in which they are tried.
var families = []family{
	{"diffusers", "diffusers' UNet2DModel", []string{"conv_in.weight", "time_embedding.linear_1.weight", "conv_norm_out.weight"}, planDiffusers, append([]string{"size", "sigma-min", "sigma-max"}, chained...)},
	{"ddpm", "the PyTorch port of DDPM", []string{"conv_in.weight", "temb.dense.0.weight", "norm_out.weight"}, planDDPM, append([]string{"size"}, chained...)},
	{"guided-diffusion", "the network of improved and guided diffusion", []string{"input_blocks.0.0.weight", "time_embed.0.weight", "output_blocks.0.0.in_layers.0.weight"}, planGuided, append([]string{"size", "heads", "head-channels", "new-attention-order"}, chained...)},
	{"score-sde", "the network of score_sde_pytorch", []string{"all_modules.1.weight", "all_modules.2.weight"}, planScoreSDE, append([]string{"size", "process"}, chained...)},
	{"edm", "the network of EDM", []string{"map_layer0.weight", "map_layer1.weight"}, planEDM, append([]string{"size", "heads", "head-channels"}, chained...)},
	{"lucidrains", "lucidrains' denoising-diffusion-pytorch", []string{"init_conv.weight", "time_mlp.1.weight", "final_conv.weight"}, planLucid, append([]string{"size", "heads"}, chained...)},
	{"ncsn", "the network of NCSN", []string{"begin_conv.weight", "normalizer.embed.weight"}, planNCSN, []string{"size", "sigma-min", "sigma-max"}},
	{"ncsnv2", "the network of NCSNv2", []string{"begin_conv.weight", "normalizer.gamma"}, planRefineNet, []string{"size", "sigma-min", "sigma-max"}},
}

// Families lists the values of Options.Arch.
func Families() []string {
	var names []string
	for _, f := range families {
		names = append(names, f.name)
	}
	return names
}

// Takes returns the flags of tweedie convert for Hints that have an effect on the checkpoint,
// none for what this program exported.
func (c *Checkpoint) Takes() []string { return c.takes }

// takesOf returns the flags for Hints that have an effect on a network of f: a scale of pixels
// matters to some predictions only, and each plan knows what its network does without.
func (f *family) takesOf(p *plan) []string {
	return slices.DeleteFunc(slices.Clone(f.takes), func(flag string) bool {
		if flag == "sigma-data" {
			return p.config.Prediction != model.EDM && p.config.Prediction != model.Consistency
		}
		return slices.Contains(p.idle, flag)
	})
}

// without says that hints of these flags have no effect on this network.
func (p *plan) without(flags ...string) { p.idle = append(p.idle, flags...) }

// view is the part of a checkpoint that belongs to one network.
type view struct {
	files   files
	file    *checkpoint.File
	root    string                        // prefix of the names
	tensors map[string]*lazytensor.Tensor // by their names without root
	parts   map[string]bool               // prefixes of the names up to each dot; built on first use
	found   []string
}

// has reports whether there is a tensor of that name.
func (v *view) has(name string) bool { return v.tensors[name] != nil }

// dim returns the length of an axis of a tensor, 0 if there is no such tensor or axis.
func (v *view) dim(name string, axis int) int {
	if t := v.tensors[name]; t != nil && axis < len(t.Shape) {
		return t.Shape[axis]
	}
	return 0
}

// shape returns the shape of a tensor, nil if there is none.
func (v *view) shape(name string) []int {
	if t := v.tensors[name]; t != nil {
		return t.Shape
	}
	return nil
}

// hasPart reports whether there is any tensor of a part of the network. name is a prefix that
// ends in a dot.
func (v *view) hasPart(name string) bool {
	if v.parts == nil {
		v.parts = map[string]bool{}
		for name := range v.tensors {
			for i, c := range name {
				if c == '.' {
					v.parts[name[:i+1]] = true
				}
			}
		}
	}
	return v.parts[name]
}

// count returns the number of consecutive parts whose names format gives for 0, 1, 2 and so on.
func (v *view) count(format string) int {
	n := 0
	for v.hasPart(fmt.Sprintf(format, n)) {
		n++
	}
	return n
}

// width returns the number of output channels of a layer, by its weight or its bias; 0 if it
// has neither.
func (v *view) width(layer string) int {
	return cmp.Or(v.dim(layer+".weight", 0), v.dim(layer+".bias", 0))
}

// identify finds the family of a checkpoint, and which of its tensors belong to the network.
func identify(file *checkpoint.File, files files, o Options) (*family, *view, error) {
	if o.Arch != "" && o.Arch != "auto" && !slices.Contains(Families(), o.Arch) {
		return nil, nil, fmt.Errorf("--arch must be auto or one of %q (got %q)", Families(), o.Arch)
	}
	for i := range families {
		f := &families[i]
		if o.Arch != "" && o.Arch != "auto" && o.Arch != f.name {
			continue
		}
		if f.name == "diffusers" && otherKind(file.Tensors) != "" { // it has the names of a UNet2DModel and more
			continue
		}
		roots := f.roots(file.Tensors)
		if len(roots) == 0 && f.name == "diffusers" && ofClass(files.config, "UNet2DModel") {
			roots = []string{""} // compare then lists the missing parameters by name
		}
		if len(roots) == 0 {
			continue
		}
		v, err := newView(file, roots, o.Plain)
		if err != nil {
			return nil, nil, err
		}
		v.files = files
		why := fmt.Sprintf("%s: it has %s", f.title, strings.Join(f.signature, ", "))
		v.found = append([]string{why}, v.found...)
		return f, v, nil
	}
	if o.Arch != "" && o.Arch != "auto" {
		return nil, nil, fmt.Errorf("its %d tensors%s do not match a supported network: %q is missing, which --arch %s requires",
			len(file.Tensors), firstNames(file.Tensors), families[slices.Index(Families(), o.Arch)].signature, o.Arch)
	}
	return nil, nil, unknown(file.Tensors)
}

// Recognize describes the network in a file of weights and why it was recognized, one sentence
// each. It returns nil for an unknown network.
func Recognize(file *checkpoint.File) []string {
	_, v, err := identify(file, files{}, Options{})
	if err == nil {
		return v.found
	}
	if kind := otherKind(file.Tensors); kind != "" {
		return []string{kind + ", which convert does not support"}
	}
	return nil
}

// firstNames lists the names of the first few tensors, for an error.
func firstNames(tensors []lazytensor.Tensor) string {
	var names []string
	for _, t := range tensors[:min(4, len(tensors))] {
		names = append(names, fmt.Sprintf("%.60q", t.Name))
	}
	if names == nil {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ", …)"
}

// roots returns the prefixes below which all names of the family's signature exist, the
// shortest first.
func (f *family) roots(tensors []lazytensor.Tensor) []string {
	names := map[string]bool{}
	for _, t := range tensors {
		names[t.Name] = true
	}
	var roots []string
	for _, t := range tensors {
		root, ok := strings.CutSuffix(t.Name, f.signature[0])
		if !ok || root != "" && !strings.HasSuffix(root, ".") || slices.Contains(roots, root) {
			continue
		}
		if !slices.ContainsFunc(f.signature[1:], func(mark string) bool { return !names[root+mark] }) {
			roots = append(roots, root)
		}
	}
	slices.SortStableFunc(roots, func(a, b string) int { return len(a) - len(b) })
	return roots
}
