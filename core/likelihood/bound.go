package likelihood

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// streamBound is the first stream of core/rng for the bound, which has one for each step.
const streamBound uint32 = 1 << 25

// BoundSettings are the variances of the model, and the address of the noise.
type BoundSettings struct {
	Large     bool   `json:"large,omitempty"` // the variance of p is β_t instead of β̃_t, that of the posterior; ignored for learned variances
	FirstBeta bool   `json:"begin,omitempty"` // the variance of p(x₀|z_1) is β_1, the noise of the first level, instead of that in the code of Ho et al., see newStep
	Seed      uint64 `json:"seed,omitempty"`  // seed of the noise
	First     uint64 `json:"first,omitempty"` // number of the first image
}

// Terms are the terms of the bound on −ln p of one image, in nats (Ho et al. 2020,
// eq. 5).
type Terms struct {
	Prior float64   // L_T: the divergence of the last z from the prior
	Steps []float64 // L_{t−1} of the paper's t = 2 … T, at index t−2
	Data  float64   // L_0: −ln of the probability of the image's levels given z_1
}

// Total returns the bound.
func (t Terms) Total() float64 {
	sum := t.Data
	for _, v := range t.Steps {
		sum += v
	}
	return sum + t.Prior
}

// Bound returns the variational bound of each image x0 [N,H,W,C], whose pixels are
// levels (see Level), for a model that samples by DDPM: q is the chain, and p is the
// posterior with D instead of x₀. It draws one noise for each step and image, so that the
// expectation of each term over seeds is that of the paper. A denoiser that returns
// [N,H,W,2C], for each pixel D and then v, has a learned variance for every number (Nichol
// & Dhariwal 2021, arXiv:2102.09672, eq. 15): exp(u·ln β + (1−u)·ln β̃), u = (v+1)/2; use
// diffusion.MeanOnly to ignore it. Bound calls denoise T times and returns its errors. The
// chain must have at least two steps.
func Bound(denoise diffusion.Denoiser, chain *diffusion.Chain, x0 *tensor.Tensor, s BoundSettings) ([]Terms, error) {
	if err := checkBound(denoise, chain, x0); err != nil {
		return nil, err
	}
	T := chain.Steps()
	if T < 2 {
		return nil, errors.New("likelihood: the bound needs a chain of at least 2 steps (got 1)")
	}
	out := make([]Terms, x0.Shape[0])
	for i := range out {
		out[i].Steps = make([]float64, T-1)
		out[i].Prior = PriorTerm(chain, x0.Row(i))
	}
	for t := T - 1; t >= 0; t-- {
		terms, err := BoundTerm(denoise, chain, x0, t, s)
		if err != nil {
			return nil, err
		}
		for i, v := range terms {
			if t == 0 {
				out[i].Data = v
			} else {
				out[i].Steps[t-1] = v
			}
		}
	}
	return out, nil
}

// checkBound returns an error about arguments of Bound that cannot be used.
func checkBound(denoise diffusion.Denoiser, chain *diffusion.Chain, x0 *tensor.Tensor) error {
	if denoise == nil || chain == nil {
		return errors.New("likelihood: the denoiser and the chain must not be nil")
	}
	return checkImages(x0)
}

// checkImages returns an error unless x has a row for each image.
func checkImages(x *tensor.Tensor) error {
	if err := x.Check(); err != nil {
		return fmt.Errorf("likelihood: images: %w", err)
	}
	if len(x.Shape) < 2 {
		return fmt.Errorf("likelihood: images must have shape [N,H,W,C], or [N,D] for points (got %v)", x.Shape)
	}
	return nil
}

// BoundTerm returns one term for each image, at step t of the chain, 0 ≤ t ≤ T−1 (the
// paper's t minus 1): L_t for t > 0, the divergence of p(z_{t−1}|z_t) from the posterior
// q(z_{t−1}|z_t, x₀), and L_0 for t = 0. A sum over some of the steps is a cheaper estimate
// of the bound. It calls denoise once. The error names a step outside the chain, or is one
// of denoise.
func BoundTerm(denoise diffusion.Denoiser, chain *diffusion.Chain, x0 *tensor.Tensor, t int, s BoundSettings) ([]float64, error) {
	if err := checkBound(denoise, chain, x0); err != nil {
		return nil, err
	}
	if t < 0 || t >= chain.Steps() || chain.Steps() < 2 {
		return nil, fmt.Errorf("likelihood: the step of a term must be between 0 and %d, in a chain of at least 2 steps (got %d)", chain.Steps()-1, t)
	}
	eps := tensor.New(x0.Shape...)
	for i := range x0.Shape[0] {
		rng.Normal(eps.Row(i), s.Seed, s.First+uint64(i), streamBound+uint32(t))
	}
	sigma := float32(chain.Sigmas[t])
	denoised, err := denoise(diffusion.Perturb(x0, eps, sigma), sigma)
	if err != nil {
		return nil, err
	}
	channels := x0.Shape[len(x0.Shape)-1]
	if denoised == nil || len(denoised.Data) != len(x0.Data) && len(denoised.Data) != 2*len(x0.Data) || denoised.Shape[0] != x0.Shape[0] || denoised.Check() != nil {
		return nil, fmt.Errorf("likelihood: the denoiser's result must have the shape of the images, %v", x0.Shape)
	}
	denoised, v := diffusion.SplitChannels(denoised, channels)
	p, term := newStep(chain, t, s.Large && t > 0 || s.FirstBeta && t == 0), stepTerm
	if t == 0 {
		term = dataTerm
	}
	terms := make([]float64, x0.Shape[0])
	for i := range terms {
		if v != nil {
			p.learned = v.Row(i)
		}
		terms[i] = term(x0.Row(i), denoised.Row(i), &p)
	}
	return terms, nil
}

// step is a step of the chain, to t−1 or to the data, in the coordinates of z.
type step struct {
	coefficient float64   // of D in the mean
	q, p        float64   // standard deviations of the posterior and, unless learned, of the model's step
	large       float64   // √β
	learned     []float32 // v of each number; nil if p is fixed
}

// newStep returns step t. β̃ of the first step is 0; unless large, its standard deviation
// is √β̃ of the second step, as in the code of Ho et al., whatever the other steps have. If
// the levels are close together that is far below the error of D, and √β is better.
func newStep(chain *diffusion.Chain, t int, large bool) step {
	from := max(t, 1)
	move, sd := diffusion.Bridge(chain.Kernel(float64(from)), chain.Kernel(float64(from-1)), 1)
	s := step{coefficient: move.D, q: sd, p: sd, large: math.Sqrt(chain.Betas[t])}
	if large {
		s.p = s.large
	}
	return s
}

// standardDeviation returns the standard deviation p of value i.
func (s *step) standardDeviation(i int) float64 {
	if s.learned == nil {
		return s.p
	}
	return float64(s.q * num.Exp(num.Log(s.large/s.q)*(float64(s.learned[i])+1)/2))
}

// stepTerm is eq. 8, including its constant C where the variances differ: for normal
// distributions with standard deviations q and p whose means differ by δ,
//
//	KL = ln(p/q) + (q² + δ²)/(2p²) − ½
func stepTerm(x0, denoised []float32, s *step) float64 {
	sum := 0.0
	for i, v := range x0 {
		p := s.standardDeviation(i)
		ratio, diff := s.q/p, float64(s.coefficient*(float64(v)-float64(denoised[i])))/p
		sum += (float64(ratio*ratio)+float64(diff*diff)-1)/2 - num.Log(ratio)
	}
	return sum
}

// PriorTerm returns L_T of an image, KL(q(z_T|x₀) ‖ N(0,I)).
func PriorTerm(chain *diffusion.Chain, x0 []float32) float64 {
	alphaCumprod, squares := chain.AlphasCumprod[chain.Steps()-1], 0.0
	for _, v := range x0 {
		squares += float64(float64(v) * float64(v))
	}
	perValue := -(alphaCumprod + num.Log1p(-alphaCumprod)) / 2 // (1−ᾱ) − 1 − ln(1−ᾱ), halved
	return float64(float64(len(x0))*perValue) + float64(alphaCumprod*squares)/2
}

// minProbability is a lower bound on the probability of a level, as in the code of Ho et
// al.
const minProbability = 1e-12

// dataTerm is eq. 13: −ln of the probability of each pixel's interval under N(D, sd²). The
// intervals of the lowest and the highest level are unbounded.
func dataTerm(x0, denoised []float32, s *step) float64 {
	sum := 0.0
	for i, v := range x0 {
		sd := s.standardDeviation(i)
		// Computed from the level and not from v, so that there are no gaps between intervals.
		level := math.RoundToEven((float64(v) + 1) / Bin)
		above, below := 1.0, 0.0
		if level < 255 {
			above = normalCDF((float64((level+0.5)*Bin) - 1 - float64(denoised[i])) / sd)
		}
		if level > 0 {
			below = normalCDF((float64((level-0.5)*Bin) - 1 - float64(denoised[i])) / sd)
		}
		sum -= num.Log(math.Max(above-below, minProbability))
	}
	return sum
}

func normalCDF(z float64) float64 { return (1 + num.Erf(z/math.Sqrt2)) / 2 }
