package importer

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
	"tweedie/weights/lazytensor"
)

// planNCSN reads the network of Song & Ermon 2019 (arXiv:1907.05600). This program uses the
// same names.
func planNCSN(v *view, h Hints) (*plan, error) {
	if v.hasPart("res5.") { // the deeper version of Song & Ermon 2020
		return planRefineNet(v, h)
	}
	l, err := v.levels(h)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", v.files.weights, err)
	}
	n := &unet.NCSN{
		ImageSize: h.Size, Channels: v.dim("begin_conv.weight", 1), NGF: v.dim("begin_conv.weight", 0), NumClasses: l.count,
	}
	if n.ImageSize == (unet.Size{}) {
		return nil, fmt.Errorf("%q: %w", v.files.weights, errSize)
	}
	p := &plan{
		find:    func(d graph.Declared) binding { return renamed(d.Name, d.Shape...) },
		ignored: func(name string) bool { return name == "sigmas" },
		config:  model.Config{Arch: model.NCSN, NCSN: n, Shape: [3]int{n.Channels, n.ImageSize.H, n.ImageSize.W}},
	}
	l.apply(p)
	return p, nil
}

// levels are the noise levels of a network of Song & Ermon, a geometric sequence.
type levels struct {
	low, high float64 // for pixels in [0,1]
	count     int
	stored    bool // in the file, not a hint or an assumption
}

// levels returns the noise levels of the file. Averages do not contain them, but the trained
// network in the same file may. If there are none and the network has a table of norms, they
// are those of hints or else of the paper.
func (v *view) levels(h Hints) (levels, error) {
	for i := range v.file.Tensors {
		t := &v.file.Tensors[i]
		if !v.has("sigmas") && len(t.Shape) == 1 && (t.Name == "sigmas" || strings.HasSuffix(t.Name, ".sigmas")) {
			v.tensors["sigmas"] = t
		}
	}
	t := v.tensors["sigmas"]
	if t == nil {
		l := levels{low: 0.01, high: 1, count: v.dim("normalizer.embed.weight", 0)} // section 5
		if l.count == 0 {
			return l, errors.New("the file has no sigmas, the noise levels: a complete checkpoint contains them")
		}
		if h.SigmaMin != 0 {
			l.low = h.SigmaMin
		}
		if h.SigmaMax != 0 {
			l.high = h.SigmaMax
		}
		return l, nil
	}
	return geometric(t)
}

// geometric reads noise levels in descending geometric sequence.
func geometric(t *lazytensor.Tensor) (levels, error) {
	sigmas, err := t.Float32()
	if err != nil {
		return levels{}, err
	}
	n := len(sigmas) - 1
	if n < 1 || len(t.Shape) != 1 {
		return levels{}, fmt.Errorf("sigmas must be at least 2 noise levels (got shape %v)", t.Shape)
	}
	l := levels{float64(sigmas[n]), float64(sigmas[0]), n + 1, true}
	step := math.Log(l.low/l.high) / float64(n)
	for i, s := range sigmas {
		if want := l.high * math.Exp(step*float64(i)); !(step < 0 && math.Abs(float64(s)/want-1) < 1e-3) {
			return l, fmt.Errorf("sigmas[%d] must be a descending geometric sequence from %g to %g (got %g)", i, l.high, l.low, s)
		}
	}
	return l, nil
}

// apply completes the configuration of a plan whose network is known.
func (l levels) apply(p *plan) {
	c := &p.config
	c.Prediction, c.UnitPixels = string(diffusion.PredictScore), true
	c.Process = &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: l.low, SigmaMax: l.high, Levels: l.count}
	c.SigmaMin, c.SigmaMax = l.low, l.high
	c.Defaults = model.Defaults{Sampler: "annealed-langevin", Steps: l.count, Guidance: 1, Schedule: "exponential"}
	description := fmt.Sprintf("the %d noise levels range from %.4g to %.4g, for pixels in [0,1]", l.count, l.high, l.low)
	if l.stored {
		p.without("sigma-min", "sigma-max")
		p.found = append(p.found, description+", as in the file")
		p.assumed = append(p.assumed, "pixels span [0,1], as in all of its authors' models")
	} else {
		p.assumed = append(p.assumed, description)
	}
}

// annealed returns the settings of annealed Langevin dynamics by Technique 4 of Song & Ermon
// 2020 (arXiv:2006.09011): T = 5 steps per level, and the ε that keeps the variance nearest to
// that of the level (their Proposition 3). Their ε is half of the ε here, and pixels here span
// [-1,1].
func (l levels) annealed() model.Defaults {
	const steps = 5
	gamma := math.Pow(l.high/l.low, 1/float64(l.count-1))
	best, least := 0.0, math.Inf(1)
	for q := 0.0005; q < 1; q += 0.0005 { // ε/σ_L²
		kept := 2 / (2 - q)
		if off := math.Abs(math.Pow(1-q, 2*steps)*(gamma*gamma-kept) + kept - 1); off < least {
			best, least = q, off
		}
	}
	return model.Defaults{
		Sampler: "annealed-langevin", Steps: l.count, Guidance: 1, Schedule: "exponential",
		CorrectorSteps: steps, Epsilon: 2 * best * (2 * l.low) * (2 * l.low),
	}
}
