package convert

import (
	"github.com/spf13/pflag"

	"tweedie/weights/importer"
)

// archs are the values of convert's --arch.
func archs() []string {
	return append(append([]string{"auto"}, importer.Families()...), "tweedie")
}

// hintFlags adds the flags that say what weights do not show.
func hintFlags(f *pflag.FlagSet, h *importer.Hints, plain *bool) {
	f.BoolVar(plain, "no-ema", false, "take the weights as they were trained, where IN has an average of them too")
	f.IntVar(&h.Size, "size", 0, "height and width of the pictures, where IN does not say")
	f.IntVar(&h.Heads, "heads", 0, "heads of attention")
	f.IntVar(&h.HeadChannels, "head-channels", 0, "channels of a head of attention, in place of --heads")
	f.BoolVar(&h.NewAttention, "new-attention-order", false, "guided-diffusion's use_new_attention_order")
	f.StringVar(&h.Schedule, "beta-schedule", "", "chain that IN was trained on: linear, cosine or thermodynamic")
	f.IntVar(&h.Steps, "train-steps", 0, "steps of that chain")
	f.Float64Var(&h.TimeScale, "time-scale", 0, "what the network multiplies a step by: 0.25 for 4000 steps rescaled to 1000")
	f.StringVar(&h.Prediction, "prediction", "", "what the network predicts: epsilon, x0, v, score, scaled_score, velocity, edm or consistency")
	f.Float64Var(&h.SigmaMin, "sigma-min", 0, "lowest noise level of an NCSN, or of a network that is told its noise level, in units of its own pixels, where IN does not say")
	f.Float64Var(&h.SigmaMax, "sigma-max", 0, "the highest one")
	f.Float64Var(&h.SigmaData, "sigma-data", 0, "with --prediction edm or consistency, standard deviation of the pixels")
}
