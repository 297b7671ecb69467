package train

import (
	"errors"
	"fmt"

	"tweedie/core/diffusion"
)

// Objective determines the noise levels at which a network is trained, and their weights:
//
//	L = E[ λ(σ)·‖D(x₀ + σ·ε; σ) − x₀‖² ]   (Karras et al. 2022, arXiv:2206.00364, eq. 2)
//
// Denoising score matching and the objectives derived from it differ only in these two:
// with the score s = (D − x)/σ², ε̂ = (x − D)/σ and the velocity v̂ of rectified flow,
//
//	‖s − ∇ log q(x|x₀)‖² = ‖D − x₀‖²/σ⁴   (Vincent 2011)
//	‖ε̂ − ε‖² = ‖D − x₀‖²/σ²
//	‖v̂ − (ε − x₀)‖² = ‖D − x₀‖²·((1+σ)/σ)²
type Objective interface {
	// Sigma draws the noise level at an address of core/rng.
	Sigma(seed, sample uint64, stream uint32) float32
	// Lambda returns λ(σ), for a level that Sigma draws or a neighbouring one.
	Lambda(sigma float32) float64
}

// Pair is the noise input of a training pair for F, and the weight of its squared error.
type Pair struct {
	CNoise float32
	Weight float32 // λ(σ)·c_out², 1 for LSimple with Epsilon and for EDMLoss with EDM
}

// Regress turns an objective into a regression of F (Karras et al. 2022, eq. 8).
// For one image it writes
//
//	input  = c_in·(x₀ + σ·ε)
//	target = (x₀ − c_skip·(x₀ + σ·ε))/c_out
//
// and the loss is Weight·‖F(input; c_noise) − target‖². The target of Epsilon is
// ε itself. x0 and eps are left unchanged. The error is one of p, or says that
// the slices differ in length.
func Regress(input, target, x0, eps []float32, sigma float32, p diffusion.Parametrization, o Objective) (Pair, error) {
	if len(input) != len(x0) || len(target) != len(x0) || len(eps) != len(x0) {
		return Pair{}, fmt.Errorf("train: input, target, image and noise must have the same length (got %d, %d, %d and %d)", len(input), len(target), len(x0), len(eps))
	}
	if p == nil || o == nil {
		return Pair{}, errors.New("train: the parametrization and the objective must not be nil")
	}
	c, err := p.Coefficients(sigma)
	if err != nil {
		return Pair{}, err
	}
	s := float64(sigma)
	inputData, inputNoise := float32(c.CIn), float32(c.CIn*s)
	targetData, targetNoise := float32((1-c.CSkip)/c.COut), float32(-c.CSkip*s/c.COut)
	for i, v := range x0 {
		input[i] = float32(inputData*v) + float32(inputNoise*eps[i])
		target[i] = float32(targetData*v) + float32(targetNoise*eps[i])
	}
	return Pair{float32(c.CNoise), float32(o.Lambda(sigma) * c.COut * c.COut)}, nil
}
