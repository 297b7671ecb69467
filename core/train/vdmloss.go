package train

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/rng"
)

// endFraction is the fraction of the draws at each end of γ.
const endFraction = 1. / 32

// VDMLoss is the loss of VDM, with gradients for γ as well as for the network: Kingma et
// al. 2021, arXiv:2107.00630, sections 3 to 5. The bound on −ln p(x₀) is
//
//	KL(q(z₁|x₀) ‖ N(0,I)) + E[−ln p(x₀|z₀)] + ½·∫ E‖ε − ε̂‖² dγ   over γ₀ to γ₁
//
// It depends on γ only through the ends, which are learned by minimising it. Its derivative
// with respect to an end needs ½·E‖ε − ε̂‖² there, so 1/32 of the draws is at each end.
// p(x₀|z₀) of a pixel level is proportional to q(z₀|x₀) (section 3). Between its ends γ is
// learned by minimising the second moment, and hence the variance, of the loss: for γ
// drawn with density 1/γ̇, and any constant,
//
//	∇ E[L²] = E[(L² − const)·∇ ln γ̇],   L = ½·γ̇·‖ε − ε̂‖²,   at fixed γ
//
// which needs no derivative of the network with respect to its input. Losses are in nats
// per value; those of draws at an end are 0.
type VDMLoss struct {
	Gamma           *diffusion.Monotone // current γ, which Parametrization uses
	Parametrization diffusion.Parametrization
	LevelWidth      float64 // spacing of the 256 levels of a pixel
	LowestLevel     float64 // the lowest of the 256 levels
	TypicalLoss     float64 // a typical value of L: the square root of the constant

	noise, target []float32
	draws         []vdmDraw
}

// vdmDraw holds what Evaluate needs for an image.
type vdmDraw struct {
	t     float64 // 0 and 1 for the ends
	rate  float64 // γ̇
	scale float64 // ‖ε − ε̂‖² / ‖F − target‖²
	slope float64 // at an end of γ, the derivative of the bound's other term with respect to it
}

// Prepare implements Loss.
func (l *VDMLoss) Prepare(b *Batch) error {
	l.noise, l.target = resize(l.noise, b.Size), resize(l.target, b.N*b.Size)
	l.draws = l.draws[:0]
	process := diffusion.Variational{Gamma: l.Gamma}
	for i := range b.N {
		rng.Normal(l.noise, b.Seed, b.Draw[i], noiseStream)
		t := (uniform(b.Seed, b.Draw[i], sigmaStream) - endFraction) / (1 - 2*endFraction)
		t = max(0, min(t, 1))
		_, rate := l.Gamma.At(t)
		sigma := process.Kernel(t).Sigma
		clean := row(b.Clean, i, b.Size)
		pair, err := Regress(row(b.X, i, b.Size), row(l.target, i, b.Size), clean, l.noise, float32(sigma), l.Parametrization, LSimple{})
		if err != nil {
			return err
		}
		d := vdmDraw{t: t, rate: rate, scale: float64(pair.Weight)}
		switch t {
		case 0:
			d.slope = l.levelSlope(clean, l.noise, sigma)
		case 1:
			d.slope = priorSlope(clean, l.Gamma.End)
		}
		b.CNoise[i], b.Sigma[i] = pair.CNoise, float32(sigma)
		l.draws = append(l.draws, d)
	}
	return nil
}

// Evaluate implements Loss.
func (l *VDMLoss) Evaluate(b *Batch) {
	for i, d := range l.draws {
		weight, correction := d.rate/2*d.scale, 1/(1-2*endFraction)
		if d.t == 0 || d.t == 1 {
			weight, correction = d.scale/2, 0 // no gradient for the network
		}
		loss := leastSquares(row(b.Delta, i, b.Size), row(b.Out, i, b.Size), row(l.target, i, b.Size), weight, b.Weight*correction)
		gradient := b.GammaGradients[i]
		switch d.t {
		case 0:
			clear(gradient)
			gradient[0] = (d.slope - loss) / endFraction
		case 1:
			clear(gradient)
			gradient[1] = (d.slope + loss) / endFraction
		default:
			l.Gamma.RateGradient(gradient, d.t)
			for j := range gradient {
				gradient[j] *= correction * (loss*loss - l.TypicalLoss*l.TypicalLoss)
			}
		}
		b.Loss[i] = correction * loss
	}
}

// levelSlope returns d(−ln p(x₀|z₀))/dγ₀ per value, for z₀ with the given noise. Level v
// has a probability proportional to exp(−½·((z−v)/σ)²), where z = x₀ + σ·ε.
func (l *VDMLoss) levelSlope(clean, noise []float32, sigma float64) float64 {
	sum, spacing := 0.0, l.LevelWidth/sigma
	for i, x := range clean {
		eps, level := float64(noise[i]), math.Round((float64(x)-l.LowestLevel)/l.LevelWidth)
		const reach = 9 // levels further away have negligible probability
		from, to := max(-level, math.Ceil((eps-reach)/spacing)), min(255-level, math.Floor((eps+reach)/spacing))
		var total, slope float64
		for k := from; k <= to; k++ { // k levels above that of x₀
			z := eps - k*spacing
			p := num.Exp(-z * z / 2)
			total += p
			slope -= p * z * k * spacing / 2
		}
		sum += slope / total
	}
	return sum / float64(len(clean))
}

// priorSlope returns d KL(q(z₁|x₀) ‖ N(0,1))/dγ₁ per value.
func priorSlope(clean []float32, gamma float64) float64 {
	variance := 1 / (1 + num.Exp(-gamma))
	squares := 0.0
	for _, x := range clean {
		squares += float64(x) * float64(x)
	}
	return (1 - variance) / 2 * (variance*(1-squares/float64(len(clean))) - 1)
}
