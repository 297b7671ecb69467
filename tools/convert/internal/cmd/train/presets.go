package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tweedie/core/dataset"
	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/train"
	"tweedie/core/unet"
	"tweedie/tools/convert/internal/cmd/flags"
)

// preset is a network and a number of training steps.
type preset struct {
	name     string
	about    string
	channels []int // of the first levels; the last repeats
	layers   int
	steps    int     // without --time; 0 for a preset whose steps follow from the speed of the machine
	ngf      int     // width of an NCSN; 0 means a U-Net
	rate     float64 // learning rate; 0 means plannedRate
}

// presets are the values of --arch, the default first.
var presets = []preset{
	{name: "small", about: "32 and 64 channels", channels: []int{32, 64}, layers: 1},
	{name: "medium", about: "48 and 96 channels", channels: []int{48, 96}, layers: 1},
	{name: "base", about: "64 and 128 channels, two layers per level: for many hours", channels: []int{64, 128}, layers: 2, rate: plannedRate / 2},
	{name: "tiny", about: "16 and 32 channels: to try things out", channels: []int{16, 32}, layers: 1, steps: 1000},
	{name: "ncsn", about: "the score network of Song & Ermon 2019, without classes: half an hour for digits", ngf: 16, steps: 7000},
}

// presetNames returns the values of --arch.
func presetNames() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

// candidates are the presets that a plan chooses from, the smallest first.
func candidates() []preset {
	chosen := slices.DeleteFunc(slices.Clone(presets), func(p preset) bool { return p.ngf > 0 })
	slices.SortFunc(chosen, func(a, b preset) int { return cmp.Compare(a.channels[0]*a.layers, b.channels[0]*b.layers) })
	return chosen
}

// config returns a training configuration for data: a class-conditional U-Net if
// the data have labels, with the preconditioning, loss and noise levels of Karras
// et al. 2022, arXiv:2206.00364, table 1, and dropped labels for classifier-free
// guidance (Ho and Salimans 2022, arXiv:2207.12598). The error says which
// sizes of pictures are allowed.
func (p preset) config(d *dataset.Dataset) (*train.Config, error) {
	if d.H%2 != 0 || d.W%2 != 0 || min(d.H, d.W) < 8 || max(d.H, d.W) > 256 {
		return nil, fmt.Errorf("the sides of pictures must be even, from 8 to 256 pixels (got %dx%d, height x width): resize them with --size", d.H, d.W)
	}
	if p.ngf > 0 {
		return p.ncsn(d)
	}
	u := p.network(d)
	c := &train.Config{
		Model: model.Config{
			Arch: model.UNet2D, UNet: &u, Prediction: model.EDM, SigmaData: spread(d), TimeScale: timeScale,
			SigmaMin: 0.002, SigmaMax: 80, Shape: [3]int{d.C, d.H, d.W},
			Defaults: model.Defaults{Sampler: "dpmpp2m", Steps: 20, Guidance: 1},
		},
		Seed: 1, Steps: max(1, p.steps), Batch: 128,
		LearningRate: 1e-3, WarmUp: min(500, p.steps/10), Decay: "cosine", WeightDecay: 0.01, Clip: 1, Average: 0.999,
		PMean: -1.2, PStd: 1.2,
	}
	if k := len(d.Classes); k > 0 {
		c.Model.Classes, c.Model.NullClass = d.Classes, &k
		c.Model.Defaults.Guidance = 1.5
		c.DropClass = 0.1
	}
	return c, c.Validate()
}

// ncsn returns the configuration for the network, the ten noise levels and the sampler of
// Song & Ermon 2019, arXiv:1907.05600. The network predicts the score times σ, which has
// the same magnitude at every level, and therefore learns much faster (technique 3 of Song
// & Ermon 2020, arXiv:2006.09011).
func (p preset) ncsn(d *dataset.Dataset) (*train.Config, error) {
	const low, high, levels = 0.01, 1, 10
	c := &train.Config{
		Model: model.Config{
			Arch: model.NCSN, NCSN: &unet.NCSN{ImageSize: unet.Size{H: d.H, W: d.W}, Channels: d.C, NGF: p.ngf, NumClasses: levels},
			Prediction: string(diffusion.PredictScaledScore), UnitPixels: true,
			Process:  &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: low, SigmaMax: high, Levels: levels},
			SigmaMin: low, SigmaMax: high, Shape: [3]int{d.C, d.H, d.W},
			Defaults: model.Defaults{
				Sampler: "annealed-langevin", Steps: levels, Guidance: 1, Schedule: sampler.KindExponential, CorrectorSteps: 100,
			},
		},
		Seed: 1, Steps: p.steps, Batch: 32, Shards: 2,
		LearningRate: 1.5e-3, WarmUp: min(100, p.steps/10), Decay: "cosine", Beta2: 0.99, Clip: 1, Average: 0.999,
	}
	return c, c.Validate()
}

// timeScale spreads c_noise = ln(σ)/4 over the range of a positional embedding.
const timeScale = 250

// network returns the U-Net of p for data: levels down to a shorter side of 4 to 7,
// with attention where that is at most 8.
func (p preset) network(d *dataset.Dataset) unet.Config {
	u := unet.Config{
		SampleSize: unet.Size{H: d.H, W: d.W}, InChannels: d.C, OutChannels: d.C, LayersPerBlock: p.layers,
		NormNumGroups: 8, NormEps: 1e-5, DownsamplePadding: 1, FlipSinToCos: true, ActFn: "silu",
	}
	side, other := min(d.H, d.W), max(d.H, d.W)
	if side >= 24 && side%2 == 0 && other%2 == 0 {
		u.Patch, side, other = 2, side/2, other/2
	}
	for level := 0; ; level++ {
		down, up := "DownBlock2D", "UpBlock2D"
		if side <= 8 {
			down, up = "AttnDownBlock2D", "AttnUpBlock2D"
		}
		u.BlockOutChannels = append(u.BlockOutChannels, p.channels[min(level, len(p.channels)-1)])
		u.DownBlockTypes = append(u.DownBlockTypes, down)
		u.UpBlockTypes = append(u.UpBlockTypes, up)
		if side%2 != 0 || other%2 != 0 || side <= 7 {
			break
		}
		side, other = side/2, other/2
	}
	slices.Reverse(u.UpBlockTypes)
	if k := len(d.Classes); k > 0 {
		k++ // one more for the null class
		u.NumClassEmbeds = &k
	}
	return u
}

// spread returns the standard deviation of the pixels of d about their mean, in
// [−1,1], to three decimals: EDM's σ_data.
func spread(d *dataset.Dataset) float64 {
	var sum, squares float64
	for _, v := range d.Images {
		x := float64(v)/127.5 - 1
		sum, squares = sum+x, squares+x*x
	}
	n := float64(len(d.Images))
	mean := sum / n
	sd := math.Sqrt(max(0, squares/n-mean*mean))
	return max(0.05, math.Round(sd*1000)/1000)
}

// choosePreset returns the preset of that name.
func choosePreset(name string) (preset, error) {
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == name })
	if i < 0 {
		return preset{}, flags.Misused("--arch must be one of %s (got %q)", strings.Join(presetNames(), ", "), name)
	}
	return presets[i], nil
}
