package convert

import (
	"github.com/spf13/pflag"

	"tweedie/weights/importer"
)

// archs returns the values of --arch.
func archs() []string {
	return append(append([]string{"auto"}, importer.Families()...), "tweedie")
}

// archFlags declares the flags for what the weights of a checkpoint do not show.
func archFlags(f *pflag.FlagSet, h *importer.Hints, plain *bool) {
	f.BoolVar(plain, "no-ema", false, "take the trained weights, not their average, if IN has both")
	f.Var(&h.Size, "size", "size of the pictures, if IN does not say or for another one: such as 32, or 16x8 (height x width)")
	f.IntVar(&h.Heads, "heads", 0, "attention heads")
	f.IntVar(&h.HeadChannels, "head-channels", 0, "channels per attention head, instead of --heads")
	f.BoolVar(&h.NewAttention, "new-attention-order", false, "the network uses the attention order of guided-diffusion's use_new_attention_order")
	f.StringVar(&h.Schedule, "beta-schedule", "", "beta schedule of the chain that IN was trained on: linear, cosine or thermodynamic")
	f.IntVar(&h.Steps, "train-steps", 0, "steps of the chain that IN was trained on")
	f.Float64Var(&h.TimeScale, "time-scale", 0, "factor by which the network multiplies a step: 0.25 for 4000 steps rescaled to 1000")
	f.StringVar(&h.Prediction, "prediction", "", "what the network predicts: epsilon, x0, v, score, scaled_score, velocity (noise - data), velocity-to-data (ONNX: data - noise, with time from noise to data), edm or consistency")
	f.Float64Var(&h.SigmaMin, "sigma-min", 0, "lowest noise level of a network that takes noise levels, in units of its own pixels, if IN does not say")
	f.Float64Var(&h.SigmaMax, "sigma-max", 0, "highest noise level, likewise")
	f.Float64Var(&h.SigmaData, "sigma-data", 0, "standard deviation of the pixels, with --prediction edm or consistency")
}
