package train

import (
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// gamma is the γ of a process while it is learned.
type gamma struct {
	now       *diffusion.Monotone // as the network is trained with it
	predicts  diffusion.Parametrisation
	weights   []float32   // of now
	optimiser *AdamW      //
	gradients [][]float64 // of each draw of the present step
}

// newGamma returns that of c, which stays as it is.
func newGamma(c *Config) *gamma {
	g := &gamma{now: new(diffusion.Monotone)}
	*g.now = *c.Model.Process.Gamma
	g.now.Units = slices.Clone(g.now.Units)
	g.weights = g.now.Weights()
	g.now.SetWeights(g.weights)
	g.optimiser = newAdamW(g.weights, make([]bool, len(g.weights)))
	g.optimiser.Beta1, g.optimiser.Beta2, g.optimiser.Average = c.Beta1, c.Beta2, c.Average
	g.gradients = g.rows(c.Batch)
	g.predicts = diffusion.Predictor{Prediction: diffusion.Prediction(c.Model.Prediction), Input: &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: g.now}}
	return g
}

// rows returns n gradients.
func (g *gamma) rows(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, len(g.weights))
	}
	return rows
}

// loss returns what teaches γ and its network.
func (g *gamma) loss(unitPixels bool) *VDMLoss {
	l := &VDMLoss{Gamma: g.now, Predicts: g.predicts, Bin: 2. / 255, Low: -1}
	if unitPixels {
		l.Bin, l.Low = 1./255, 0
	}
	return l
}

// step moves γ by the gradients of the draws.
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
	g.now.SetWeights(g.weights)
}

// of returns a model's configuration with what was learned, averaged or as it is now.
func (g *gamma) of(c model.Config, averaged bool) model.Config {
	learned, from := *g.now, g.weights
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

// usual returns the mean of the last losses, 0 where there are none.
func usual(losses []float32) float64 {
	const memory = 20
	last := losses[max(0, len(losses)-memory):]
	sum := 0.0
	for _, v := range last {
		sum += float64(v) / float64(len(last))
	}
	return sum
}
