package diffusion

import (
	"errors"
	"fmt"
	"math"
)

// Prediction names the quantity that a network predicts from z = s·(x₀ + σ·ε). Model
// files contain it.
type Prediction string

// The predictions. Each is the expectation of the given quantity, given z.
const (
	PredictEpsilon     Prediction = "epsilon"      // ε: Ho et al. 2020, arXiv:2006.11239, eq. 15
	PredictX0          Prediction = "x0"           // x₀
	PredictV           Prediction = "v"            // (ε − σ·x₀)/√(1+σ²): Salimans & Ho 2022, arXiv:2202.00512, section 4
	PredictScore       Prediction = "score"        // −ε/(s·σ), whose expectation is ∇ log p(z): Song & Ermon 2019, arXiv:1907.05600
	PredictScaledScore Prediction = "scaled_score" // −ε, the score times s·σ: the variance-exploding networks of Song et al. 2021
	PredictVelocity    Prediction = "velocity"     // ε − x₀, which is dz/dt of rectified flow: Lipman et al. 2023, arXiv:2210.02747
)

// Predictions lists them all. It is read only.
var Predictions = []Prediction{PredictEpsilon, PredictX0, PredictV, PredictScore, PredictScaledScore, PredictVelocity}

// coefficients returns c_skip and c_out: x₀ = c_skip·x + c_out·F if x = x₀ + σ·ε and F is
// exactly the predicted quantity. s is z/x.
func (p Prediction) coefficients(s, sigma float64) (skip, out float64) {
	square := float64(sigma * sigma)
	switch p {
	case PredictEpsilon:
		return 1, -sigma
	case PredictX0:
		return 0, 1
	case PredictV:
		return 1 / (1 + square), -sigma / math.Sqrt(1+square)
	case PredictScore:
		return 1, s * square
	case PredictScaledScore:
		return 1, sigma
	case PredictVelocity:
		return 1 / (1 + sigma), -sigma / (1 + sigma)
	}
	panic("diffusion: unknown prediction")
}

// Input computes the input of a network: the factor c_in of z = c_in·x, and c_noise. The
// error names a noise level that the network was not trained for.
type Input interface {
	Input(sigma float32) (cIn, cNoise float64, err error)
}

// Predictor is the parametrization of a network with the given prediction and input.
// PredictEpsilon with a Chain is that of Ho et al. 2020. The columns of Karras et al.
// 2022, arXiv:2206.00364, Table 1, except for EDM, which is a separate type, are
//
//	VP      PredictEpsilon with a Spec of KindVP
//	VE      PredictScaledScore with a Spec of KindVE
//	iDDPM   PredictEpsilon with WholeSteps of a cosine chain
type Predictor struct {
	Prediction Prediction
	Input      Input
}

// NewPredictor returns the parametrization of a prediction and an input. The error lists
// the known predictions.
func NewPredictor(what Prediction, in Input) (Predictor, error) {
	for _, p := range Predictions {
		if p == what {
			return Predictor{what, in}, nil
		}
	}
	return Predictor{}, fmt.Errorf("diffusion: prediction must be one of %q (got %q)", Predictions, what)
}

// Coefficients implements Parametrization.
func (p Predictor) Coefficients(sigma float32) (Coefficients, error) {
	if p.Input == nil {
		return Coefficients{}, errors.New("diffusion: the predictor must have an Input: a chain or a process")
	}
	cIn, cNoise, err := p.Input.Input(sigma)
	if err != nil {
		return Coefficients{}, err
	}
	skip, out := p.Prediction.coefficients(cIn, float64(sigma))
	return Coefficients{CSkip: skip, COut: out, CIn: cIn, CNoise: cNoise}, nil
}

// Epsilon is the parametrization of Ho et al. 2020, arXiv:2006.11239, eq. 15:
// PredictEpsilon with a chain.
type Epsilon struct{ Chain *Chain }

// Coefficients implements Parametrization.
func (p Epsilon) Coefficients(sigma float32) (Coefficients, error) {
	return Predictor{PredictEpsilon, p.Chain}.Coefficients(sigma)
}

// Input implements Input: c_in is √ᾱ, and c_noise is the step t, which is fractional
// between two steps of the chain.
func (c *Chain) Input(sigma float32) (cIn, cNoise float64, err error) {
	t, err := c.Time(sigma)
	return variancePreservingScale(float64(sigma)), t, err
}

// WholeSteps is a chain for a network that takes integer steps only: t is rounded to the
// step with the nearest noise level (Karras et al. 2022, Table 1, column iDDPM).
type WholeSteps struct{ Chain *Chain }

// Input implements Input.
func (w WholeSteps) Input(sigma float32) (cIn, cNoise float64, err error) {
	t, err := w.Chain.Time(sigma)
	if err != nil {
		return 0, 0, err
	}
	step, s := math.Floor(t), float64(sigma)
	if i := int(step); step != t && w.Chain.Sigmas[i+1]-s <= s-w.Chain.Sigmas[i] {
		step++
	}
	return variancePreservingScale(s), step, nil
}

// variancePreservingScale returns s of a variance-preserving process.
func variancePreservingScale(sigma float64) float64 {
	return 1 / math.Sqrt(1+float64(sigma*sigma))
}
