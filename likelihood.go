package tweedie

import (
	"context"
	"image"

	"tweedie/core/engine"
	"tweedie/core/likelihood"
	"tweedie/core/picture"
)

// LikelihoodOptions say how a likelihood is computed. The zero value estimates it
// without a class, from one random direction.
type LikelihoodOptions struct {
	Class  string // of the picture: a name or number; "" and "none" mean none
	Seed   uint64 // of the random directions and of the noise
	Steps  int    // of the integration, or noise levels of the bound; 0 means 32, or the model's own, or 256
	Probes int    // random directions, which are averaged; 0 means 1. Has no effect on a bound
	Bound  bool   // compute the variational bound instead of integrating the ODE

	Picture picture.Options // how a picture of another size is brought to the model's, as in Options

	OnStep func(done, total int) // called after every evaluation; nil means never
}

// Likelihood is how likely a model finds a picture.
type Likelihood struct {
	BitsPerDim  float64   // lower means more likely; uncompressed pixels take 8 bits
	StdErr      float64   // standard error of BitsPerDim from several probes; 0 of one probe and of a bound
	Probes      []float64 // the estimate of every probe; nil for a bound
	Evaluations int       // of the network
}

// Likelihood returns how likely the model finds a picture: the log density of the
// probability-flow ODE (Song et al. 2021, arXiv:2011.13456), or the variational bound
// of a chain (Ho et al. 2020, arXiv:2006.11239), in bits per dimension. ctx and errors
// are as with Sample.
func (m *Model) Likelihood(ctx context.Context, img image.Image, o LikelihoodOptions) (*Likelihood, error) {
	p, err := m.fit("picture", img, o.Picture, 0)
	if err != nil {
		return nil, err
	}
	d := engine.LikelihoodRequest{Seed: engine.Seed(o.Seed), Bound: o.Bound}
	if err := whole("Steps", o.Steps, &d.Steps); err != nil {
		return nil, err
	}
	if err := whole("Probes", o.Probes, &d.Count); err != nil {
		return nil, err
	}
	if o.Bound {
		d.Count = nil
	}
	if o.Class != "" {
		d.Class = classes(o.Class)
	}
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	defer m.done()
	found, err := m.engine.Likelihood(ctx, d, p, o.OnStep)
	if err != nil {
		return nil, err
	}
	out := &Likelihood{Evaluations: found.Evaluations}
	if o.Bound {
		out.BitsPerDim = found.Prior
		for _, term := range found.Bits {
			out.BitsPerDim += term
		}
		return out, nil
	}
	out.Probes = found.Bits
	out.BitsPerDim, out.StdErr = likelihood.Mean(found.Bits)
	if len(found.Bits) < 2 {
		out.StdErr = 0
	}
	return out, nil
}
