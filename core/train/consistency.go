package train

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// BatchDenoiser evaluates D or a consistency function for images with individual noise
// levels: x [N,Size] at sigma [N]. It writes to out and leaves its other arguments
// unchanged.
type BatchDenoiser func(out, x, sigma, class []float32) error

// Consistency is the loss of consistency models: Song et al. 2023, arXiv:2303.01469.
// It trains f(x;σ) to be constant along paths of the probability-flow ODE, down to the
// lowest level ε, where the parametrization makes it x; then f maps x to the data in one
// step. For adjacent levels σ′ < σ, and x = x₀ + σ·z,
//
//	L = w·d(f(x;σ), f⁻(x′;σ′))
//	x′ = x₀ + σ′·z                                consistency training, Algorithm 3
//	x′ = a Heun step with the teacher from x to σ′ consistency distillation, Algorithm 2
//
// d is the pseudo-Huber metric √(‖·‖² + c²) − c, c = 0.00054·√Size, and w = 1/(σ−σ′),
// which Song & Dhariwal 2023, arXiv:2310.14189, sections 3.3 and 3.1, recommend instead of
// the ℓ₂ metric and w = 1.
type Consistency struct {
	Parametrization diffusion.Parametrization // usually diffusion.Consistency
	Levels          []float32                 // increasing from ε
	Target          BatchDenoiser             // f⁻: the network with averaged or current weights, without a gradient
	Teacher         BatchDenoiser             // D of a trained model; nil for consistency training

	noise, start, low, high []float32
	target                  []float32
	c                       []diffusion.Coefficients
}

// Prepare implements Loss.
func (l *Consistency) Prepare(b *Batch) error {
	n := b.N * b.Size
	l.noise, l.start, l.target = resize(l.noise, n), resize(l.start, n), resize(l.target, n)
	l.low, l.high, l.c = resize(l.low, b.N), resize(l.high, b.N), l.c[:0]
	for i := range b.N {
		draw := uniformIndex(len(l.Levels)-1, b.Seed, b.Draw[i], sigmaStream)
		l.low[i], l.high[i] = l.Levels[draw], l.Levels[draw+1]
		c, err := l.Parametrization.Coefficients(l.high[i])
		if err != nil {
			return err
		}
		l.c = append(l.c, c)
		b.CNoise[i] = float32(c.CNoise)
		noise, x, start := row(l.noise, i, b.Size), row(b.X, i, b.Size), row(l.start, i, b.Size)
		rng.Normal(noise, b.Seed, b.Draw[i], noiseStream)
		for j, v := range row(b.Clean, i, b.Size) {
			start[j] = v + l.high[i]*noise[j]
			x[j] = float32(c.CIn) * start[j]
		}
	}
	next := l.noise // x′
	if l.Teacher != nil {
		var err error
		if next, err = l.heun(b); err != nil {
			return err
		}
	} else {
		for i := range b.N {
			x := row(next, i, b.Size)
			for j, v := range row(b.Clean, i, b.Size) {
				x[j] = v + l.low[i]*x[j]
			}
		}
	}
	return l.Target(l.target, next, l.low, b.Class)
}

// heun takes start from level high to low by a Heun step of dx/dσ = (x − D)/σ: Karras et
// al. 2022, Algorithm 1.
func (l *Consistency) heun(b *Batch) ([]float32, error) {
	n := b.N * b.Size
	denoised, next := make([]float32, n), make([]float32, n)
	if err := l.Teacher(denoised, l.start, l.high, b.Class); err != nil {
		return nil, err
	}
	for i := range b.N {
		step := (l.low[i] - l.high[i]) / l.high[i]
		for j := i * b.Size; j < (i+1)*b.Size; j++ {
			denoised[j] = l.start[j] - denoised[j] // σ·dx/dσ
			next[j] = l.start[j] + step*denoised[j]
		}
	}
	again := make([]float32, n)
	if err := l.Teacher(again, next, l.low, b.Class); err != nil {
		return nil, err
	}
	for i := range b.N {
		half := (l.low[i] - l.high[i]) / 2
		for j := i * b.Size; j < (i+1)*b.Size; j++ {
			slope := (next[j] - again[j]) / l.low[i]
			again[j] = l.start[j] + half*(denoised[j]/l.high[i]+slope)
		}
	}
	return again, nil
}

// huber is c of the pseudo-Huber metric divided by the square root of the dimension.
const huber = 0.00054

// Evaluate implements Loss.
func (l *Consistency) Evaluate(b *Batch) {
	c := huber * math.Sqrt(float64(b.Size))
	for i := range b.N {
		k := l.c[i]
		skip, out := float32(k.CSkip), float32(k.COut)
		start, target, delta := row(l.start, i, b.Size), row(l.target, i, b.Size), row(b.Delta, i, b.Size)
		squaredNorm := 0.0
		for j, f := range row(b.Out, i, b.Size) {
			diff := skip*start[j] + out*f - target[j]
			delta[j] = diff
			squaredNorm += float64(diff) * float64(diff)
		}
		distance := math.Sqrt(squaredNorm + c*c)
		weight := 1 / (float64(l.high[i]-l.low[i]) * float64(b.Size))
		slope := float32(b.Weight * weight * k.COut / distance)
		for j := range delta {
			delta[j] *= slope
		}
		b.Loss[i] = weight * (distance - c)
	}
}

// ConsistencyLevels returns n increasing levels from sigmaMin to sigmaMax, evenly spaced
// in σ^(1/7): Song et al. 2023, section 4, after Karras et al. 2022, eq. 5.
func ConsistencyLevels(n int, sigmaMin, sigmaMax float64) []float32 {
	levels := make([]float32, n)
	low, high := math.Pow(sigmaMin, 1./7), math.Pow(sigmaMax, 1./7)
	for i := range levels {
		levels[i] = float32(math.Pow(low+float64(i)/float64(n-1)*(high-low), 7))
	}
	levels[0], levels[n-1] = float32(sigmaMin), float32(sigmaMax)
	return levels
}

// ConsistencyLevelCount returns the number of levels of consistency training at a step
// out of steps, which increases from first to last: N(k) of Song et al. 2023, appendix C.
func ConsistencyLevelCount(first, last, step, steps int) int {
	s0, s1 := float64(first), float64(last)
	part := float64(step) / float64(steps)
	return int(math.Ceil(math.Sqrt(part*((s1+1)*(s1+1)-s0*s0)+s0*s0)-1)) + 1
}

// ConsistencyDecay returns the decay of the weight average f⁻ for n levels: μ(k) =
// exp(s₀·ln μ₀/N(k)) of Song et al. 2023, appendix C.
func ConsistencyDecay(decay float64, first, n int) float64 {
	return math.Exp(float64(first) * math.Log(decay) / float64(n))
}
