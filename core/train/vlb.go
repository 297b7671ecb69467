package train

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// VLB is the variational bound with learned variances: Nichol & Dhariwal 2021,
// arXiv:2102.09672, section 3.1. The network has 2C output channels: its prediction, and
// v, which gives the variance of the step from σ_t to σ_{t−1},
//
//	Σ = exp(u·ln β_t + (1−u)·ln β̃_t),   u = (v+1)/2   (eq. 15)
//
// The loss of an image is an estimate of the bound on −ln p(x₀), in nats per value,
// without the prior term, which has no parameters: T·L_t at a random t,
//
//	L_t = KL(q(x_{t−1}|x_t,x₀) ‖ p(x_{t−1}|x_t)), t > 0;   L_0 = −ln p(x₀|x_0)   (eq. 5, 6)
//
// where p(x₀|x_0) is eq. 13 of Ho et al. 2020: the probability of the interval of a
// pixel's level under a normal distribution. β̃_0 = 0 is replaced by β̃_1, as in the paper.
//
// With Simple above 0 it is L_hybrid = Simple·L_simple + Lambda·VLB (eq. 16), where the
// gradient of VLB does not flow through D: the bound trains the variances only.
type VLB struct {
	Chain           *diffusion.Chain
	Parametrization diffusion.Parametrization
	Objective       Objective // draws σ of the chain; λ·σ² is the weight of a draw, 1 for LSimple
	Simple          float64   // weight of L_simple; 0 means the bound alone
	Lambda          float64   // weight of the bound; L_hybrid of the paper has 0.001
	Channels        int       // C

	noise []float32
	draws []vlbDraw
}

// vlbDraw holds what Evaluate needs for an image.
type vlbDraw struct {
	t      int
	weight float64 // 1/(T·p_t), the importance weight of the draw
	simple float64 // λ(σ)·c_out² of L_simple
	diffusion.Coefficients
}

// Hybrid returns L_hybrid with the weights of the paper.
func Hybrid(chain *diffusion.Chain, p diffusion.Parametrization, channels int) *VLB {
	return &VLB{Chain: chain, Parametrization: p, Objective: LSimple{chain}, Simple: 1, Lambda: 0.001, Channels: channels}
}

// Prepare implements Loss.
func (l *VLB) Prepare(b *Batch) error {
	l.noise = resize(l.noise, b.N*b.Size)
	l.draws = l.draws[:0]
	for i := range b.N {
		noise := row(l.noise, i, b.Size)
		rng.Normal(noise, b.Seed, b.Draw[i], noiseStream)
		sigma := l.Objective.Sigma(b.Seed, b.Draw[i], sigmaStream)
		t, err := l.Chain.Time(sigma)
		if err != nil {
			return err
		}
		c, err := l.Parametrization.Coefficients(sigma)
		if err != nil {
			return err
		}
		in := float32(c.CIn)
		x := row(b.X, i, b.Size)
		for j, v := range row(b.Clean, i, b.Size) {
			x[j] = in * (v + sigma*noise[j])
		}
		lambda := l.Objective.Lambda(sigma)
		l.draws = append(l.draws, vlbDraw{int(t), lambda * float64(sigma) * float64(sigma), l.Simple * lambda * c.COut * c.COut, c})
		b.CNoise[i], b.Sigma[i] = float32(c.CNoise), sigma
	}
	return nil
}

// Evaluate implements Loss.
func (l *VLB) Evaluate(b *Batch) {
	for i, d := range l.draws {
		step := newVLBStep(l.Chain, d.t)
		sigma := l.Chain.Sigmas[d.t]
		out, delta := row(b.Out, i, 2*b.Size), row(b.Delta, i, 2*b.Size)
		clean, noise := row(b.Clean, i, b.Size), row(l.noise, i, b.Size)
		weight := l.Lambda * d.weight * float64(l.Chain.Steps()) / float64(b.Size)
		simple := d.simple / float64(b.Size)
		sum := 0.0
		for j, v := range clean {
			x0 := float64(v)
			k := j + j/l.Channels*l.Channels // a pixel of the output is the channels of D, then those of v
			kv := k + l.Channels
			denoised := d.CSkip*(x0+sigma*float64(noise[j])) + d.COut*float64(out[k])
			loss, byD, byV := step.term(x0, denoised, float64(out[kv]))
			sum += weight * loss
			if l.Simple > 0 {
				diff := (denoised - x0) / d.COut
				sum += simple * diff * diff
				delta[k] = float32(b.Weight * 2 * simple * diff)
			} else {
				delta[k] = float32(b.Weight * weight * byD * d.COut)
			}
			delta[kv] = float32(b.Weight * weight * byV)
		}
		b.Loss[i] = sum
	}
}

// vlbStep is one step of a chain, from σ_t to σ_{t−1} or to 0, in the coordinates
// x = z/√ᾱ.
type vlbStep struct {
	first       bool
	coefficient float64 // of D in the mean
	variance    float64 // of the posterior, β̃
	low, high   float64 // ln β̃ and ln β, between which v interpolates
}

func newVLBStep(chain *diffusion.Chain, t int) vlbStep {
	square := func(t int) float64 { return chain.Sigmas[t] * chain.Sigmas[t] }
	if t == 0 {
		// The step from z_0 to x₀, whose ᾱ is 1: β is 1−ᾱ_0, and β̃_0 = 0.
		next := newVLBStep(chain, min(1, chain.Steps()-1))
		low := next.low
		if chain.Steps() == 1 {
			low = math.Log(chain.Betas[0])
		}
		return vlbStep{first: true, coefficient: 1, low: low, high: math.Log(chain.Betas[0])}
	}
	ratio := square(t-1) / square(t)
	variance := square(t-1) * (1 - ratio)
	return vlbStep{coefficient: 1 - ratio, variance: variance, low: math.Log(variance), high: math.Log(chain.Betas[t] / chain.AlphasCumprod[t-1])}
}

// term returns L_t of one value, and its derivatives with respect to D and v.
func (s vlbStep) term(x0, denoised, v float64) (loss, byD, byV float64) {
	logVariance := s.low + (v+1)/2*(s.high-s.low)
	diff := s.coefficient * (denoised - x0)
	var byLog float64
	if s.first {
		loss, byD, byLog = levelTerm(x0, denoised, math.Exp(logVariance/2))
	} else {
		// KL of N(0, q) from N(off, p): ½·(ln p − ln q + (q + off²)/p − 1).
		p := math.Exp(logVariance)
		loss = (logVariance - s.low + (s.variance+diff*diff)/p - 1) / 2
		byD = s.coefficient * diff / p
		byLog = (1 - (s.variance+diff*diff)/p) / 2
	}
	return loss, byD, byLog * (s.high - s.low) / 2
}

// levelTerm returns −ln of the probability of the interval of x0's level under
// N(denoised, sd²), and its derivatives with respect to denoised and ln sd². The intervals
// of the lowest and the highest level are unbounded.
func levelTerm(x0, denoised, sd float64) (loss, byD, byLog float64) {
	const bin = 2. / 255
	level := math.RoundToEven((x0 + 1) / bin)
	tail := func(open bool, edge float64) (below, density, slope float64) {
		if open {
			return 0, 0, 0
		}
		z := (edge - denoised) / sd
		density = math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		return math.Erfc(-z/math.Sqrt2) / 2, density, z * density
	}
	upper, d1, z1 := tail(level >= 255, (level+0.5)*bin-1)
	lower, d0, z0 := tail(level <= 0, (level-0.5)*bin-1)
	if level >= 255 {
		upper = 1
	}
	// The code of Ho et al. has the same lower bound on probabilities.
	const minProbability = 1e-12
	p := upper - lower
	if p < minProbability {
		return -math.Log(minProbability), 0, 0
	}
	return -math.Log(p), (d1 - d0) / (sd * p), (z1 - z0) / (2 * p)
}
