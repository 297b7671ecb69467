package importer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/unet"
)

// planScoreSDE reads the networks ddpm, ddpmpp and ncsnpp of Song et al. 2021
// (arXiv:2011.13456), whose layers have no names but positions in a list. The kind of a layer
// follows from its parameters.
func planScoreSDE(v *view, h Hints) (*plan, error) {
	s := &scoreSDE{view: v, prefix: map[string]string{}, shortcut: "NIN_0"}
	// A layer that resizes a picture has a position in the list but no parameters; there are
	// never two in a row.
	for n := 0; s.kind(n) != "" || s.kind(n+1) != ""; n++ {
		s.kinds = append(s.kinds, s.kind(n))
	}
	if s.next() == "" {
		return nil, fmt.Errorf("all_modules.0 is missing: the file must have every layer of the network")
	}
	u := unet.Config{
		SampleSize: h.Size, NormNumGroups: 32, NormEps: 1e-6, FreqShift: 1, ActFn: "silu", UpAttention: "last",
	}
	if s.kinds[0] == "fourier" {
		u.TimeEmbeddingType = "fourier"
		s.at = 1
	}
	u.TimeChannels = v.dim(s.module(s.at)+"weight", 1)
	u.EmbedChannels = v.dim(s.module(s.at)+"weight", 0)
	s.take("time_embedding.linear_1", "linear")
	s.take("time_embedding.linear_2", "linear")
	u.InChannels, u.ConvInChannels = v.dim(s.module(s.at)+"weight", 1), v.dim(s.module(s.at)+"weight", 0)
	if u.InChannels == 0 && s.err == nil {
		s.err = list("missing", []string{fmt.Sprintf("%q", s.module(s.at)+"weight")})
	}
	s.take("conv_in", "conv")
	var found []string
	if slices.Contains(s.kinds, "resizing residual") { // BigGAN's blocks, as in ddpmpp and ncsnpp
		s.shortcut = "Conv_2"
		u.DownsampleType, u.UpsampleType, u.ResampleShortcut = "resnet", "resnet", true
		u.NormMinChannels, u.SkipScale = 4, math.Sqrt(0.5)
		found = append(found, "the network is DDPM++ or NCSN++: residual blocks resample as BigGAN's do, and sums are divided by √2")
	}
	s.descend(&u)
	s.take("mid_block.resnets.0", "residual")
	s.take("mid_block.attentions.0", "attention")
	s.take("mid_block.resnets.1", "residual")
	s.ascend(&u)
	s.take("conv_norm_out", "norm")
	u.OutChannels = cmp.Or(v.dim(s.module(s.at)+"weight", 0), v.dim(s.module(s.at)+"bias", 0))
	s.take("conv_out", "conv")
	if s.err == nil && s.at != len(s.kinds) {
		s.err = fmt.Errorf("all_modules.%d is unexpected: a %s after the network's last layer", s.at, s.kinds[s.at])
	}
	if s.err != nil {
		return nil, s.err
	}
	p := &plan{find: s.find, ignored: func(name string) bool { return name == "sigmas" }, found: found}
	// A network with a progressive input is NCSN++, which resamples by a filter in all of its
	// authors' models, while DDPM++ does not. The name of that input's convolution shows it.
	switch u.FIR = u.TimeEmbeddingType == "fourier" || u.ProgressiveInput != ""; {
	case u.ProgressiveInput == "residual":
		p.found = append(p.found, "images are resampled with the filter [1,3,3,1]: Conv2d_0")
	case u.FIR:
		p.assumed = append(p.assumed, "images are resampled with the filter [1,3,3,1], as in NCSN++")
	}
	usual, err := s.process(&u, h.Process)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	return p, p.finish(&u, v, h, usual)
}

// The processes of Song et al. 2021, from t = 10⁻³ and t = 10⁻⁵ on.
var (
	vpSDE = convention{process{
		prediction: string(diffusion.PredictEpsilon), spec: &diffusion.Spec{Kind: diffusion.KindVP},
		sigmaMin: vpSigma(1e-3), sigmaMax: vpSigma(1),
	}, "the network predicts ε of the variance-preserving process, β from 0.1 to 20"}
	veSDE = veProcess(0.02, 100)
)

// veProcess is the variance-exploding process of networks whose time input is ln(σ/2).
func veProcess(low, high float64) convention {
	return convention{process{
		prediction: string(diffusion.PredictScaledScore), spec: &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: low, SigmaMax: high}, sigmaMin: low, sigmaMax: high,
	}, fmt.Sprintf("the network predicts the score times σ of the variance-exploding process, σ from %.4g to %.4g for pixels in [-1,1]", low, high)}
}

// process returns the process that a network was trained with, which kind may specify. The time
// input of a network with Fourier features is ln σ. That of one with positional embeddings is
// 999·t, for the variance-preserving processes, or the index of a level, for SMLD.
func (s *scoreSDE) process(u *unet.Config, kind string) (convention, error) {
	fourier := u.TimeEmbeddingType == "fourier"
	o := vpSDE
	switch {
	case fourier && kind != "" && kind != diffusion.KindVE:
		return o, fmt.Errorf("--process must be %q (got %q): the network's input is the noise level", diffusion.KindVE, kind)
	case fourier || kind == diffusion.KindSMLD:
		o = veSDE
		t := s.tensors["sigmas"] // a buffer of all networks of this family
		if t == nil && kind == diffusion.KindSMLD {
			return o, fmt.Errorf("the file has no sigmas, the noise levels: a complete checkpoint contains them")
		} else if t != nil {
			l, err := geometric(t)
			if err != nil {
				return o, err
			}
			o = veProcess(2*l.low, 2*l.high)
			if kind == diffusion.KindSMLD {
				o.process.spec.Kind, o.process.spec.Levels = diffusion.KindSMLD, l.count
			}
			o.description += ", as in the file"
		}
	case kind == diffusion.KindSubVP:
		if err := o.process.continuous(kind); err != nil {
			return o, err
		}
		o.description = "the network predicts ε of the sub-variance-preserving process, β from 0.1 to 20"
	case kind != "" && kind != diffusion.KindVP:
		return o, fmt.Errorf("--process must be %q, %q or %q (got %q): the network's input is a time or the index of a level", diffusion.KindVP, diffusion.KindSubVP, diffusion.KindSMLD, kind)
	}
	return o, nil
}

// vpSigma returns the noise level of the VP process at time t.
func vpSigma(t float64) float64 { return math.Sqrt(math.Expm1(float64(9.95*t*t) + float64(0.1*t))) }

// scoreSDE goes through the list of layers and assigns names to them.
type scoreSDE struct {
	*view
	kinds    []string
	at       int               // index of the next layer
	prefix   map[string]string // prefix in the list, by this program's name of the layer
	shortcut string
	err      error
}

func (s *scoreSDE) module(i int) string { return fmt.Sprintf("all_modules.%d.", i) }

// kind returns the kind of layer i, by a part that no other kind has: "" if there is no such
// layer, unclear if its weight is missing.
func (s *scoreSDE) kind(i int) string {
	m := s.module(i)
	switch {
	case s.has(m + "W"):
		return "fourier"
	case s.hasPart(m+"NIN_1.") || s.hasPart(m+"NIN_2.") || s.hasPart(m+"NIN_3."):
		return "attention"
	case s.hasPart(m+"Dense_0.") || s.hasPart(m+"Conv_1.") || s.hasPart(m+"GroupNorm_1."):
		if s.hasPart(m+"Conv_2.") && s.width(m+"GroupNorm_0") == s.width(m+"GroupNorm_1") {
			return "resizing residual"
		}
		return "residual"
	case s.hasPart(m+"Conv_0.") || s.hasPart(m+"Conv2d_0."):
		return "resizing"
	case s.has(m + "weight"):
		return map[int]string{1: "norm", 2: "linear", 4: "conv"}[len(s.tensors[m+"weight"].Shape)]
	case s.hasPart(m):
		return unclear
	}
	return ""
}

// unclear is the kind of a layer that cannot be determined.
const unclear = "layer without its weight"

// next returns the kind of the next layer.
func (s *scoreSDE) next() string {
	if s.at < len(s.kinds) {
		return s.kinds[s.at]
	}
	return ""
}

// take assigns a name to the next layer, which must be of the given kind.
func (s *scoreSDE) take(name, kind string) {
	if got := s.next(); got != kind && got != unclear && s.err == nil {
		s.err = fmt.Errorf("all_modules.%d is a %q layer instead of a %q layer for %s", s.at, got, kind, name)
	}
	s.prefix[name] = s.module(s.at)
	s.at++
}

// descend assigns the levels on the way down. A level ends with a layer that resamples, the
// last one with the middle's residual block, attention and residual block.
func (s *scoreSDE) descend(u *unet.Config) {
	for level, last := 0, false; !last && s.err == nil; level++ {
		block := fmt.Sprintf("down_blocks.%d.", level)
		attends, j := false, 0
		channels := s.width(s.module(s.at) + "Conv_0")
		for ; s.next() == "residual" && !s.middle(u, j); j++ {
			s.take(fmt.Sprintf("%sresnets.%d", block, j), "residual")
			if s.next() == "attention" {
				attends = true
				s.take(fmt.Sprintf("%sattentions.%d", block, j), "attention")
			}
		}
		if level == 0 {
			u.LayersPerBlock = j
		} else if j != u.LayersPerBlock {
			s.err = fmt.Errorf("level %d must have %d residual blocks as in the first level (got %d)", level, u.LayersPerBlock, j)
			return
		}
		addLevel(u, channels, attends, attends)
		switch s.next() {
		case "resizing residual":
			s.take(block+"downsamplers.0", "resizing residual")
			s.progress(u, block)
		case "resizing":
			s.take(block+"downsamplers.0.conv", "resizing")
		default:
			last = true
		}
	}
}

// progress assigns the layer of a progressive input after a level: a convolution of the
// picture, or a 1×1 convolution (Combine) of the picture, which is halved without parameters.
func (s *scoreSDE) progress(u *unet.Config, block string) {
	switch m := s.module(s.at); {
	case s.hasPart(m + "Conv2d_0."):
		u.ProgressiveInput = "residual"
		s.take(block+"picture", "resizing")
	case s.next() == "":
		u.ProgressiveInput = "input_skip"
		s.at++
		s.take(block+"skip_conv", "resizing")
	case s.next() == "resizing" && s.err == nil:
		s.err = fmt.Errorf("all_modules.%d is a convolution of stride 2: progressive inputs without the filter [1,3,3,1] are not supported", s.at)
	}
}

// middle reports whether the next layer belongs to the middle, after j residual blocks of a
// level: if the first level has as many or, in a network of one level, if half of the rest is
// left.
func (s *scoreSDE) middle(u *unet.Config, j int) bool {
	if u.LayersPerBlock > 0 {
		return j == u.LayersPerBlock
	}
	if slices.ContainsFunc(s.kinds, func(kind string) bool { return strings.HasPrefix(kind, "resizing") }) {
		return false
	}
	rest := 0
	for _, kind := range s.kinds[s.at:] {
		if kind == "residual" {
			rest++
		}
	}
	return rest == j+3 // two in the middle, and one more on the way up than on the way down
}

// ascend assigns the levels on the way up, which have attention once, at the end.
func (s *scoreSDE) ascend(u *unet.Config) {
	for block := range u.BlockOutChannels {
		name := fmt.Sprintf("up_blocks.%d.", block)
		for j := range u.LayersPerBlock + 1 {
			s.take(fmt.Sprintf("%sresnets.%d", name, j), "residual")
		}
		if strings.HasPrefix(u.UpBlockTypes[block], "Attn") {
			s.take(fmt.Sprintf("%sattentions.%d", name, u.LayersPerBlock), "attention")
		}
		last := block == len(u.BlockOutChannels)-1
		if block == 0 && !last && (s.next() == "norm" || s.next() == unclear) {
			u.ProgressiveOutput = "output_skip"
		} else if u.ProgressiveOutput != "" && s.next() == "" {
			s.at++ // the picture is upsampled, without parameters
		}
		if u.ProgressiveOutput != "" && !last {
			s.take(name+"skip_norm", "norm")
			s.take(name+"skip_conv", "conv")
		}
		if s.next() == "resizing" && u.UpsampleType == "resnet" && s.err == nil {
			s.err = fmt.Errorf("all_modules.%d resizes the output: progressive outputs with residuals are not supported, only output_skip and none", s.at)
		}
		switch {
		case last:
		case u.UpsampleType == "resnet":
			s.take(name+"upsamplers.0", "resizing residual")
		default:
			s.take(name+"upsamplers.0.conv", "resizing")
		}
	}
}

// The names of score_sde_pytorch.
var (
	scoreResnet    = layers{"norm1": "GroupNorm_0", "conv1": "Conv_0", "time_emb_proj": "Dense_0", "norm2": "GroupNorm_1", "conv2": "Conv_1"}
	scoreAttention = layers{"group_norm": "GroupNorm_0", "to_q": "NIN_0", "to_k": "NIN_1", "to_v": "NIN_2", "to_out.0": "NIN_3"}
)

func (s *scoreSDE) find(d graph.Declared) binding {
	if d.Name == "time_proj.weight" {
		return binding{from: []string{"all_modules.0.W"}, shapes: [][]int{d.Shape}, make: angular}
	}
	p, ok := parseBlockName(d.Name)
	layer := strings.TrimSuffix(d.Name, "."+p.leaf)
	if prefix, found := s.prefix[layer]; found { // a layer outside the blocks, or a convolution that resamples
		for _, inner := range []string{"Conv_0.", "Conv2d_0."} {
			if s.hasPart(prefix + inner) {
				return renamed(prefix+inner+p.leaf, d.Shape...)
			}
		}
		return renamed(prefix+p.leaf, d.Shape...)
	}
	if !ok {
		return renamed(d.Name, d.Shape...)
	}
	prefix := strings.TrimSuffix(s.prefix[strings.TrimSuffix(layer, "."+p.layer)], ".")
	switch {
	case p.kind == "attentions" && p.layer != "group_norm":
		return networkInNetwork(prefix+"."+scoreAttention[p.layer], p.leaf, d.Shape)
	case p.kind == "attentions":
		return renamed(scoreAttention.of(prefix, p), d.Shape...)
	case p.layer == "conv_shortcut" && s.shortcut == "NIN_0":
		return networkInNetwork(prefix+".NIN_0", p.leaf, d.Shape[:min(2, len(d.Shape))])
	case p.layer == "conv_shortcut":
		return renamed(fmt.Sprintf("%s.%s.%s", prefix, s.shortcut, p.leaf), d.Shape...)
	}
	return renamed(scoreResnet.of(prefix, p), d.Shape...)
}

// networkInNetwork is a "network in network": a linear map of channels with W [in,out] and b.
func networkInNetwork(name, leaf string, shape []int) binding {
	if leaf == "bias" {
		return renamed(name+".b", shape...)
	}
	return binding{from: []string{name + ".W"}, shapes: [][]int{{shape[1], shape[0]}}, make: transposed}
}
