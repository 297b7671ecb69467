package diffusion

import (
	"fmt"
	"math"
)

// Process perturbs data in continuous time: z_t = s(t)·(x₀ + σ(t)·ε), where σ
// increases with t. Its coordinates are z; the input of a Denoiser is x = z/s.
//
// Everything else follows from s and σ: they determine the marginals
// p(z_t) = ∫ N(z; s·x₀, s²σ²) p(x₀) dx₀, the unique linear Markov process with these
// kernels (dz = f·z dt + g dw; Transition between any two times), and the flow that
// transports the marginals. They do not determine the joint distribution of z at two
// times: a whole family of processes has the same marginals, both in continuous time
// (lambda of Kernel.Backward) and in steps (η of DDIM).
type Process interface {
	// Kernel returns the process at a time. It panics outside Span.
	Kernel(t float64) Kernel
	// Time returns the t at which σ(t) is sigma. The error names a noise level
	// that the process does not reach.
	Time(sigma float32) (float64, error)
	// Span returns the first and the last time.
	Span() (first, last float64)
}

// Kernel is the perturbation kernel at one time, z = s·x₀ + s·σ·ε, and its rate of
// change. Kernel{S: 1} is the unperturbed data.
type Kernel struct {
	S, Sigma     float64
	ScaleRate    float64 // d ln s/dt
	VarianceRate float64 // dσ²/dt
}

// F returns f of the SDE dz = f·z dt + g dw (Karras et al. 2022, eq. 28: ṡ/s).
func (k Kernel) F() float64 { return k.ScaleRate }

// G returns g of the SDE (Karras et al. 2022, eq. 28: s·√(2σ̇σ)).
func (k Kernel) G() float64 { return k.S * math.Sqrt(k.VarianceRate) }

// Field is a vector field that is linear in z and D(z/s;σ): Z·z + D·D(z/s;σ).
type Field struct{ Z, D float64 }

// At returns the field's value.
func (f Field) At(z, denoised float64) float64 {
	return float64(f.Z*z) + float64(f.D*denoised)
}

// Score returns ∇ log p(z) = (s·D − z)/(s·σ)²: Tweedie's formula. σ must not be 0.
func (k Kernel) Score() Field {
	noise := float64(k.S * k.Sigma)
	return Field{Z: -1 / (noise * noise), D: 1 / (noise * k.Sigma)}
}

// Backward returns drift and diffusion of
//
//	dz = [f·z − ½(1+λ²)·g²·∇ log p(z)] dt + λ·g dw̄
//
// Run from the last time to the first, it has the marginals of the process for every
// λ ≥ 0 (Zhang & Chen 2023, arXiv:2204.13902, section 2). λ = 1 is the reverse SDE
// (Anderson 1982; Song et al. 2021, arXiv:2011.13456, eq. 6), λ = 0 the
// probability-flow ODE (eq. 13 there). σ must not be 0.
func (k Kernel) Backward(lambda float64) (drift Field, diffusion float64) {
	g, score := k.G(), k.Score()
	weight := (1 + float64(lambda*lambda)) / 2 * (g * g)
	return Field{k.F() - float64(weight*score.Z), -weight * score.D}, lambda * g
}

// ODE returns dz/dt of the probability flow: Backward with λ = 0.
func (k Kernel) ODE() Field {
	drift, _ := k.Backward(0)
	return drift
}

// Transition returns the Markov step of a process from one time to a later one:
//
//	z_to = keep·z_from + sd·ε,   keep = s_to/s_from,   sd² = s_to²·(σ_to² − σ_from²)
//
// It is exact for any distance between the two, so the discrete chain of a process is
// its transitions along a grid of times. From Kernel{S: 1} it is the kernel itself.
func Transition(from, to Kernel) (keep, sd float64) {
	return to.S / from.S, to.S * math.Sqrt((to.Sigma-from.Sigma)*(to.Sigma+from.Sigma))
}

// Bridge returns the step of DDIM from a kernel to a less noisy one (Song et al. 2021,
// arXiv:2010.02502, eq. 7 and 16), given x₀, which sampling replaces by D:
//
//	z_to = Field(z_from, x₀) + sd·ε
//
// For every 0 ≤ η ≤ 1 the steps have the kernels of the process. η = 1 is the posterior
// q(z_to|z_from, x₀) of the Markov process (Ho et al. 2020, eq. 7), the only choice
// whose forward process is Markov; η = 0 is deterministic, an Euler step of the
// probability flow in dx/dσ.
func Bridge(from, to Kernel, eta float64) (step Field, sd float64) {
	ratio := to.Sigma / from.Sigma
	fresh := float64(eta * to.Sigma * math.Sqrt(1-float64(ratio*ratio))) // standard deviation of the new noise
	keep := math.Sqrt((to.Sigma-fresh)*(to.Sigma+fresh)) / from.Sigma
	return Field{Z: to.S * keep / from.S, D: to.S * (1 - keep)}, to.S * fresh
}

// variancePreserving returns the kernel with σ² = variance, dσ²/dt = rate and
// s = 1/√(1+σ²).
func variancePreserving(variance, rate float64) Kernel {
	return Kernel{
		S: 1 / math.Sqrt(1+variance), Sigma: math.Sqrt(variance),
		ScaleRate: -rate / (1 + variance) / 2, VarianceRate: rate,
	}
}

// checkTime panics unless t lies in the span of p.
func checkTime(p Process, t float64) {
	if first, last := p.Span(); !(t >= first && t <= last) {
		panic("diffusion: t must lie in the span of the process")
	}
}

// checkLevel returns an error unless low ≤ sigma ≤ high, as float32.
func checkLevel(sigma float32, low, high float64) error {
	if !(sigma >= float32(low) && sigma <= float32(high)) || !(sigma > 0) {
		return fmt.Errorf("diffusion: the noise level must lie in the range of the process [%g, %g] (got %g)", low, high, sigma)
	}
	return nil
}

// clampTime clamps t to the span of p, which a rounding error may have left.
func clampTime(p Process, t float64) float64 {
	first, last := p.Span()
	return min(max(t, first), last)
}
