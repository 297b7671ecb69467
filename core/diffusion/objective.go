package diffusion

import (
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/rng"
)

// Objective says at which noise levels a network is trained and how much each
// counts:
//
//	L = E[ λ(σ)·‖D(x₀ + σ·ε; σ) − x₀‖² ]   (Karras et al. 2022, eq. 2)
type Objective interface {
	// Sigma draws the noise level at an address of core/rng.
	Sigma(seed, sample uint64, stream uint32) float32
	// Lambda returns λ(σ).
	Lambda(sigma float32) float64
}

// LSimple is L_simple of Ho et al. 2020, arXiv:2006.11239, eq. 14: t uniform on
// the chain and ‖ε − ε̂‖² unweighted. As D − x₀ = σ·(ε − ε̂), λ(σ) is 1/σ².
type LSimple struct{ Chain *Chain }

// Sigma implements Objective. A step's probability is 1/T to within 2⁻³².
func (o LSimple) Sigma(seed, sample uint64, stream uint32) float32 {
	var u [1]uint32
	rng.Uint32s(u[:], seed, sample, stream)
	t := uint64(u[0]) * uint64(o.Chain.Steps()) >> 32
	return float32(o.Chain.Sigmas[t])
}

// Lambda implements Objective.
func (o LSimple) Lambda(sigma float32) float64 {
	return 1 / (float64(sigma) * float64(sigma))
}

// EDMLoss is the training distribution and weight of Karras et al. 2022,
// arXiv:2206.00364, Table 1: ln σ ~ N(P_mean, P_std²), λ(σ) = (σ²+σ_d²)/(σ·σ_d)².
type EDMLoss struct {
	PMean     float64 `json:"p_mean"`     // mean of ln σ; the paper uses −1.2
	PStd      float64 `json:"p_std"`      // its standard deviation, > 0; the paper uses 1.2
	SigmaData float64 `json:"sigma_data"` // standard deviation of the data's pixels, > 0
}

// Validate names the first field that is out of its range.
func (o EDMLoss) Validate() error {
	if !(math.Abs(o.PMean) <= 20) {
		return fmt.Errorf("diffusion: p_mean is %g, need a number in [-20, 20]", o.PMean)
	}
	if !(o.PStd > 0 && o.PStd <= 10) {
		return fmt.Errorf("diffusion: p_std is %g, need a number in (0, 10]", o.PStd)
	}
	return EDM{o.SigmaData}.Validate()
}

// Sigma implements Objective.
func (o EDMLoss) Sigma(seed, sample uint64, stream uint32) float32 {
	var z [1]float32
	rng.Normal(z[:], seed, sample, stream)
	return float32(num.Exp(o.PMean + float64(o.PStd*float64(z[0]))))
}

// Lambda implements Objective.
func (o EDMLoss) Lambda(sigma float32) float64 {
	s, d := float64(sigma), o.SigmaData
	return (float64(s*s) + float64(d*d)) / (s * d * (s * d))
}

// Pair is one training pair for F: what the network is given beside Input, and
// how much its squared error counts.
type Pair struct {
	CNoise float32
	Weight float32 // λ(σ)·c_out², 1 for LSimple with Epsilon and for EDMLoss with EDM
}

// Regress turns the objective into a regression of F (Karras et al. 2022, eq. 8).
// For one image it writes
//
//	input  = c_in·(x₀ + σ·ε)
//	target = (x₀ − c_skip·(x₀ + σ·ε))/c_out
//
// and the loss is Weight·‖F(input; c_noise) − target‖². The target of Epsilon is
// ε itself. x0 and eps are left unchanged. The error is that of p. It panics
// unless the four slices are equally long.
func Regress(input, target, x0, eps []float32, sigma float32, p Parametrisation, o Objective) (Pair, error) {
	if len(input) != len(x0) || len(target) != len(x0) || len(eps) != len(x0) {
		panic("diffusion: slices of a training pair differ in length")
	}
	c, err := p.Coefficients(sigma)
	if err != nil {
		return Pair{}, err
	}
	s := float64(sigma)
	ofData, ofNoise := float32(c.CIn), float32(c.CIn*s)
	toData, toNoise := float32((1-c.CSkip)/c.COut), float32(-c.CSkip*s/c.COut)
	for i, v := range x0 {
		input[i] = float32(ofData*v) + float32(ofNoise*eps[i])
		target[i] = float32(toData*v) + float32(toNoise*eps[i])
	}
	return Pair{float32(c.CNoise), float32(o.Lambda(sigma) * c.COut * c.COut)}, nil
}
