package train

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/rng"
)

// endShare is which part of the draws stands at each end of γ.
const endShare = 1. / 32

// VDMLoss is VDM's loss with what teaches γ beside the network: Kingma et al. 2021,
// arXiv:2107.00630, sections 3 to 5. The bound on −ln p(x₀) is
//
//	KL(q(z₁|x₀) ‖ N(0,I)) + E[−ln p(x₀|z₀)] + ½·∫ E‖ε − ε̂‖² dγ   over γ₀ to γ₁
//
// and depends on the ends of γ alone, which so are learned by it: its derivative by an
// end needs ½·E‖ε − ε̂‖² there, and a thirty-second of the draws stands at each. p(x₀|z₀)
// of a level is proportional to q(z₀|x₀) (section 3). Between its ends γ is
// learned by making the variance of the loss small, its second moment: with γ drawn of
// density 1/γ̇, and for any constant,
//
//	∇ E[L²] = E[(L² − const)·∇ ln γ̇],   L = ½·γ̇·‖ε − ε̂‖²,   γ held fixed
//
// which needs no derivative of the network by its input. Losses are in nats a number;
// those of draws at an end are 0.
type VDMLoss struct {
	Gamma    *diffusion.Monotone // as it is; Predicts goes by it
	Predicts diffusion.Parametrisation
	Bin      float64 // distance of two of the 256 levels of a pixel
	Low      float64 // the lowest of them
	Usual    float64 // what L usually is: the root of the constant

	noise, target []float32
	at            []vdmDraw
}

// vdmDraw is what Grade needs to know of an image.
type vdmDraw struct {
	t     float64 // 0 and 1 for the ends
	rate  float64 // γ̇
	size  float64 // ‖ε − ε̂‖² over ‖F − target‖²
	slope float64 // at an end, the derivative by it of the bound's other term
}

// Prepare implements Loss.
func (l *VDMLoss) Prepare(b *Batch) error {
	l.noise, l.target = grown(l.noise, b.Size), grown(l.target, b.N*b.Size)
	l.at = l.at[:0]
	process := diffusion.Variational{Gamma: l.Gamma}
	for i := range b.N {
		rng.Normal(l.noise, b.Seed, b.Draw[i], noiseStream)
		t := (unit(b.Seed, b.Draw[i], sigmaStream) - endShare) / (1 - 2*endShare)
		t = max(0, min(t, 1))
		_, rate := l.Gamma.At(t)
		sigma := process.Kernel(t).Sigma
		clean := row(b.Clean, i, b.Size)
		pair, err := Regress(row(b.X, i, b.Size), row(l.target, i, b.Size), clean, l.noise, float32(sigma), l.Predicts, LSimple{})
		if err != nil {
			return err
		}
		d := vdmDraw{t: t, rate: rate, size: float64(pair.Weight)}
		switch t {
		case 0:
			d.slope = l.levelSlope(clean, l.noise, sigma)
		case 1:
			d.slope = priorSlope(clean, l.Gamma.End)
		}
		b.CNoise[i], b.Sigma[i] = pair.CNoise, float32(sigma)
		l.at = append(l.at, d)
	}
	return nil
}

// Grade implements Loss.
func (l *VDMLoss) Grade(b *Batch) {
	for i, d := range l.at {
		weight, fair := d.rate/2*d.size, 1/(1-2*endShare)
		if d.t == 0 || d.t == 1 {
			weight, fair = d.size/2, 0 // the network learns nothing from it
		}
		loss := leastSquares(row(b.Delta, i, b.Size), row(b.Out, i, b.Size), row(l.target, i, b.Size), weight, b.Share*fair)
		beside := b.Beside[i]
		switch d.t {
		case 0:
			clear(beside)
			beside[0] = (d.slope - loss) / endShare
		case 1:
			clear(beside)
			beside[1] = (d.slope + loss) / endShare
		default:
			l.Gamma.RateGradient(beside, d.t)
			for j := range beside {
				beside[j] *= fair * (loss*loss - l.Usual*l.Usual)
			}
		}
		b.Loss[i] = fair * loss
	}
}

// levelSlope returns d(−ln p(x₀|z₀))/dγ₀ a number, for z₀ of the given noise. Level v has
// the probability ∝ exp(−½·((z−v)/σ)²), in the coordinates x₀ + σ·ε of z.
func (l *VDMLoss) levelSlope(clean, noise []float32, sigma float64) float64 {
	sum, apart := 0.0, l.Bin/sigma
	for i, x := range clean {
		eps, level := float64(noise[i]), math.Round((float64(x)-l.Low)/l.Bin)
		const reach = 9 // what lies further off than this has no weight beside x₀'s own
		from, to := max(-level, math.Ceil((eps-reach)/apart)), min(255-level, math.Floor((eps+reach)/apart))
		var total, slope float64
		for k := from; k <= to; k++ { // the level k above x₀'s
			off := eps - k*apart
			p := num.Exp(-off * off / 2)
			total += p
			slope -= p * off * k * apart / 2
		}
		sum += slope / total
	}
	return sum / float64(len(clean))
}

// priorSlope returns d KL(q(z₁|x₀) ‖ N(0,1))/dγ₁ a number.
func priorSlope(clean []float32, gamma float64) float64 {
	variance := 1 / (1 + num.Exp(-gamma))
	squares := 0.0
	for _, x := range clean {
		squares += float64(x) * float64(x)
	}
	return (1 - variance) / 2 * (variance*(1-squares/float64(len(clean))) - 1)
}
