package train

import (
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// gamma is the learned γ of a process during training.
type gamma struct {
	current         *diffusion.Monotone // the current γ
	parametrization diffusion.Parametrization
	weights         []float32   // of current
	optimiser       *AdamW      // of weights
	gradients       [][]float64 // of each draw of the current step
}

// newGamma returns the γ of c for training; it does not modify c.
func newGamma(c *Config) *gamma {
	g := &gamma{current: new(diffusion.Monotone)}
	*g.current = *c.Model.Process.Gamma
	g.current.Units = slices.Clone(g.current.Units)
	g.weights = g.current.Weights()
	g.current.SetWeights(g.weights)
	g.optimiser = newAdamW(g.weights, make([]bool, len(g.weights)))
	g.optimiser.Beta1, g.optimiser.Beta2, g.optimiser.Average = c.Beta1, c.Beta2, c.Average
	g.gradients = g.newGradients(c.Batch)
	g.parametrization = diffusion.Predictor{Prediction: diffusion.Prediction(c.Model.Prediction), Input: &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: g.current}}
	return g
}

// newGradients returns n zero gradients.
func (g *gamma) newGradients(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, len(g.weights))
	}
	return rows
}

// loss returns the loss of γ and the network.
func (g *gamma) loss(unitPixels bool) *VDMLoss {
	l := &VDMLoss{Gamma: g.current, Parametrization: g.parametrization, LevelWidth: 2. / 255, LowestLevel: -1}
	if unitPixels {
		l.LevelWidth, l.LowestLevel = 1./255, 0
	}
	return l
}

// step updates γ by the gradients of all draws.
func (g *gamma) step(done int, rate float64) {
	mean := make([]float32, len(g.weights))
	for i := range mean {
		sum := 0.0
		for _, d := range g.gradients {
			sum += d[i] / float64(len(g.gradients))
		}
		mean[i] = float32(sum)
	}
	g.optimiser.Step(g.weights, mean, done, rate, 1)
	g.current.SetWeights(g.weights)
}

// modelConfig returns c with the learned γ, averaged or current.
func (g *gamma) modelConfig(c model.Config, averaged bool) model.Config {
	learned, from := *g.current, g.weights
	if averaged {
		from = g.optimiser.average
	}
	learned.Units = slices.Clone(learned.Units)
	learned.SetWeights(slices.Clone(from))
	process := *c.Process
	process.Gamma = &learned
	c.Process = &process
	span := diffusion.Variational{Gamma: &learned}
	c.SigmaMin, c.SigmaMax = span.Kernel(0).Sigma, span.Kernel(1).Sigma
	return c
}

// recentMean returns the mean of the last 20 losses, or 0 if there are none.
func recentMean(losses []float32) float64 {
	last := losses[max(0, len(losses)-20):]
	sum := 0.0
	for _, v := range last {
		sum += float64(v) / float64(len(last))
	}
	return sum
}
