package diffusion

import (
	"fmt"
	"math"
)

// Prediction names what a network estimates of z = s·(x₀ + σ·ε). It is the text
// of a model file.
type Prediction string

// The predictions. Each is the expectation, given z, of what stands beside it.
const (
	PredictEpsilon     Prediction = "epsilon"      // ε: Ho et al. 2020, arXiv:2006.11239, eq. 15
	PredictX0          Prediction = "x0"           // x₀
	PredictV           Prediction = "v"            // (ε − σ·x₀)/√(1+σ²): Salimans & Ho 2022, arXiv:2202.00512, section 4
	PredictScore       Prediction = "score"        // −ε/(s·σ), which makes ∇ log p(z): Song & Ermon 2019, arXiv:1907.05600
	PredictScaledScore Prediction = "scaled_score" // −ε, the score times s·σ: Song et al. 2021's variance-exploding networks
	PredictVelocity    Prediction = "velocity"     // ε − x₀, which is dz/dt of straight paths: Lipman et al. 2023, arXiv:2210.02747
)

// Predictions lists them all. It is read only.
var Predictions = []Prediction{PredictEpsilon, PredictX0, PredictV, PredictScore, PredictScaledScore, PredictVelocity}

// combine returns c_skip and c_out, for which x₀ = c_skip·x + c_out·F if x = x₀ + σ·ε
// and F is exactly what the prediction stands for. s is z/x.
func (p Prediction) combine(s, sigma float64) (skip, out float64) {
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

// Input says how a network is given x: scaled to z = c_in·x, beside c_noise. The
// error names a noise level that it was not trained for.
type Input interface {
	Input(sigma float32) (cIn, cNoise float64, err error)
}

// Predictor is the parametrisation of a network that predicts What, given its
// input as In says. PredictEpsilon in a Chain is Ho et al. 2020's, and the columns of
// Karras et al. 2022, arXiv:2206.00364, Table 1, but EDM's, which is a type of
// its own, are
//
//	VP      PredictEpsilon in a Spec of KindVP
//	VE      PredictScaledScore in one of KindVE
//	iDDPM   PredictEpsilon in WholeSteps of a cosine chain
type Predictor struct {
	What Prediction
	In   Input
}

// NewPredictor returns the parametrisation. The error lists the predictions there
// are.
func NewPredictor(what Prediction, in Input) (Predictor, error) {
	for _, p := range Predictions {
		if p == what {
			return Predictor{what, in}, nil
		}
	}
	return Predictor{}, fmt.Errorf("diffusion: prediction is %q, need one of %q", what, Predictions)
}

// Coefficients implements Parametrisation.
func (p Predictor) Coefficients(sigma float32) (Coefficients, error) {
	cIn, cNoise, err := p.In.Input(sigma)
	if err != nil {
		return Coefficients{}, err
	}
	skip, out := p.What.combine(cIn, float64(sigma))
	return Coefficients{CSkip: skip, COut: out, CIn: cIn, CNoise: cNoise}, nil
}

// Epsilon is the parametrisation of Ho et al. 2020, arXiv:2006.11239, eq. 15: that of
// PredictEpsilon in a chain.
type Epsilon struct{ Chain *Chain }

// Coefficients implements Parametrisation.
func (p Epsilon) Coefficients(sigma float32) (Coefficients, error) {
	return Predictor{PredictEpsilon, p.Chain}.Coefficients(sigma)
}

// Input implements Input: z = √ᾱ·x and the step t, fractional between two steps
// of the chain.
func (c *Chain) Input(sigma float32) (cIn, cNoise float64, err error) {
	t, err := c.Time(sigma)
	return preservingScale(float64(sigma)), t, err
}

// WholeSteps is a chain whose network knows whole steps only: t is rounded to the
// step whose noise level is nearest (Karras et al. 2022, Table 1, column iDDPM).
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
	return preservingScale(s), step, nil
}

// preservingScale returns s of a process whose z has unit variance if x₀ has.
func preservingScale(sigma float64) float64 {
	return 1 / math.Sqrt(1+float64(sigma*sigma))
}
