package train

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// CrossEntropy is the Loss of a time-conditioned classifier (Dhariwal & Nichol 2021,
// arXiv:2105.05233, section 4): −log p(y|x₀ + σ·ε; σ) in nats, with equal weight for all
// noise levels.
type CrossEntropy struct {
	Objective       Objective // draws the noise levels; its weights are not used
	Parametrization diffusion.Parametrization
	Levels          Range

	noise []float32
}

// Prepare implements Loss.
func (l *CrossEntropy) Prepare(b *Batch) error {
	l.noise = resize(l.noise, b.Size)
	for i := range b.N {
		rng.Normal(l.noise, b.Seed, b.Draw[i], noiseStream)
		sigma := l.Levels.clamp(l.Objective.Sigma(b.Seed, b.Draw[i], sigmaStream))
		c, err := l.Parametrization.Coefficients(sigma)
		if err != nil {
			return err
		}
		x, clean := row(b.X, i, b.Size), row(b.Clean, i, b.Size)
		for j, v := range clean {
			x[j] = float32(c.CIn) * (v + float32(sigma*l.noise[j]))
		}
		b.CNoise[i], b.Sigma[i] = float32(c.CNoise), sigma
	}
	return nil
}

// Evaluate implements Loss. b.Out are the logits of the classes.
func (l *CrossEntropy) Evaluate(b *Batch) {
	k := len(b.Out) / b.N
	for i := range b.N {
		z, delta := row(b.Out, i, k), row(b.Delta, i, k)
		largest, sum := float64(z[0]), 0.0
		for _, v := range z {
			largest = max(largest, float64(v))
		}
		for _, v := range z {
			sum += math.Exp(float64(v) - largest)
		}
		y := int(b.Class[i])
		b.Loss[i] = math.Log(sum) + largest - float64(z[y])
		for j, v := range z {
			delta[j] = float32(b.Weight * math.Exp(float64(v)-largest) / sum)
		}
		delta[y] -= float32(b.Weight)
	}
}
