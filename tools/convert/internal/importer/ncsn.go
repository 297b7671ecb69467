package importer

import (
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// planNCSN reads the network of Song & Ermon 2019 (arXiv:1907.05600), whose names are
// this program's too.
func planNCSN(v *view, h Hints) (*plan, error) {
	n := &unet.NCSN{
		ImageSize: h.Size, Channels: v.dim("begin_conv.weight", 1), NGF: v.dim("begin_conv.weight", 0), NumClasses: v.dim("normalizer.embed.weight", 0),
	}
	if n.ImageSize == 0 {
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	const low, high = 0.01, 1 // section 5, for pixels in [0,1]
	p := &plan{
		find: func(d graph.Declared) part { return renamed(d.Name, d.Shape...) },
		config: model.Config{
			Arch: model.NCSN, NCSN: n, Prediction: string(diffusion.PredictScore), UnitPixels: true,
			Process:  &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: low, SigmaMax: high, Levels: n.NumClasses},
			SigmaMin: low, SigmaMax: high, Shape: [3]int{n.Channels, n.ImageSize, n.ImageSize},
			Defaults: model.Defaults{Sampler: "annealed-langevin", Steps: n.NumClasses, Guidance: 1, Schedule: "exponential"},
		},
	}
	p.assumed = append(p.assumed, fmt.Sprintf("the %d noise levels fall from %g to %g, for pixels in [0,1]", n.NumClasses, float64(high), low))
	return p, nil
}
