package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// form is a way to write the exact solution of the ODE between two levels, from
// σ to σ′, as what is kept of x and an integral over what the network says. With
// the noise ε = (x − D)/σ, and with s for how far one has come in λ = −ln σ, which
// is h = ln(σ/σ′) at the end,
//
//	overSigma  x′ = x + ∫ ε dσ
//	overNoise  x′ = x + ∫ ε dσ = x − σ·∫₀ʰ e^(−s)·ε ds
//	overClean  x′ = σ′/σ·x + ∫₀ʰ e^(s−h)·D ds
//
// (Lu et al. 2022, arXiv:2206.00927 and arXiv:2211.01095, with α = 1.) A solver of order q puts for ε or D the polynomial through q values of
// it, in σ or in s, and integrates that exactly: it needs ∫ sᵏ·weight ds.
type form int

const (
	overSigma form = iota
	overNoise
	overClean
)

// value returns what the integral is over: ε, or D itself.
func (f form) value(x, denoised *tensor.Tensor, sigma float32) *tensor.Tensor {
	if f == overClean {
		return denoised
	}
	return slope(x, denoised, sigma)
}

// keep returns the factor of x in the step from sigma to next.
func (f form) keep(sigma, next float64) float64 {
	if f == overClean {
		return next / sigma
	}
	return 1
}

// place returns the coordinate of the polynomial at a level, 0 at sigma.
func (f form) place(sigma, level float64) float64 {
	if f == overSigma {
		return level - sigma
	}
	return num.Log(sigma / level)
}

// moments returns the integrals of the first n powers of the coordinate over the
// step from sigma to next. The two with a weight follow by parts:
// ∫e^(−s)·sᵏ = k·∫e^(−s)·sᵏ⁻¹ − hᵏ·e^(−h), ∫e^(s−h)·sᵏ = hᵏ − k·∫e^(s−h)·sᵏ⁻¹.
func (f form) moments(sigma, next float64, n int) []float64 {
	h := f.place(sigma, next)
	m := make([]float64, n)
	power, integral := 1.0, (sigma-next)/sigma // hᵏ; 1 − e^(−h) for k = 0
	for k := range m {
		if k > 0 {
			power = float64(power * h)
		}
		switch f {
		case overSigma:
			m[k] = float64(power*h) / float64(k+1)
		case overNoise:
			if k > 0 {
				integral = float64(float64(k)*integral) - float64(power*(next/sigma))
			}
			m[k] = float64(-sigma * integral)
		case overClean:
			if k > 0 {
				integral = power - float64(float64(k)*integral)
			}
			m[k] = integral
		}
	}
	return m
}

// rule returns the weights of values at the given places, the first of which is
// 0, in a step whose end is at h and whose moments are m.
type rule func(places []float64, h float64, m []float64) []float64

// fit is the rule that integrates every polynomial of degree below len(places)
// exactly: it solves Σ_j w_j·places_jᵏ = m_k (Björck & Pereyra 1970).
func fit(places []float64, _ float64, m []float64) []float64 {
	n := len(places)
	w := make([]float64, n)
	copy(w, m)
	for k := range n - 1 {
		for j := n - 1; j > k; j-- {
			w[j] -= float64(places[k] * w[j-1])
		}
	}
	for k := n - 2; k >= 0; k-- {
		for j := k + 1; j < n; j++ {
			w[j] /= places[j] - places[j-k-1]
		}
		for j := k; j < n-1; j++ {
			w[j] -= w[j+1]
		}
	}
	return w
}

// halves is fit, but that of two values it takes m₀·(f₀ + (f₁−f₀)/(2r)), r being
// the second's place over h: the second-order rule of the DPM-Solvers and of
// UniPC with B(h) = e^h − 1, which replaces m₁ by m₀·h/2.
func halves(places []float64, h float64, m []float64) []float64 {
	return halvesOf(m[0], places, h, m)
}

// halvesOf is halves with b in place of the m₀ that weighs the difference.
func halvesOf(b float64, places []float64, h float64, m []float64) []float64 {
	if len(places) != 2 {
		return fit(places, h, m)
	}
	w := b / (2 * (places[1] / h))
	return []float64{m[0] - w, w}
}

// weighted returns keep·x + Σ w_j·values_j, a new tensor.
func weighted(keep float64, x *tensor.Tensor, w []float64, values []*tensor.Tensor) *tensor.Tensor {
	out := x.Combine(float32(keep), float32(w[0]), values[0])
	for j, v := range values[1:] {
		out = out.AddScaled(float32(w[j+1]), v)
	}
	return out
}

// memory is the last values of a form, at most order of them, the newest first.
type memory struct {
	form   form
	order  int
	values []*tensor.Tensor
	sigmas []float64
}

// push puts what was found at x in front.
func (m *memory) push(x, denoised *tensor.Tensor, sigma float32) {
	m.values = append([]*tensor.Tensor{m.form.value(x, denoised, sigma)}, m.values...)
	m.sigmas = append([]float64{float64(sigma)}, m.sigmas...)
	n := min(len(m.values), m.order)
	m.values, m.sigmas = m.values[:n], m.sigmas[:n]
}

// weights returns those of the values in the step from the newest to next, and,
// where at is above 0, of one more value at the level at.
func (m *memory) weights(next, at float64, r rule) []float64 {
	sigma := m.sigmas[0]
	var places []float64
	for _, level := range m.sigmas {
		places = append(places, m.form.place(sigma, level))
	}
	if at > 0 {
		places = append(places, m.form.place(sigma, at))
	}
	return r(places, m.form.place(sigma, next), m.form.moments(sigma, next, len(places)))
}

// step returns x, which is at the level of the newest value, taken to next.
func (m *memory) step(x *tensor.Tensor, next float64, r rule) *tensor.Tensor {
	return weighted(m.form.keep(m.sigmas[0], next), x, m.weights(next, 0, r), m.values)
}

// multistep is the solver of a form that remembers order values: the first steps
// have fewer and are of lower order, and the step to 0 is walk's. It calls
// denoise K times.
func multistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f form, order, most int, r rule, hook Hook) (*tensor.Tensor, error) {
	checkOrder(order, most)
	m := memory{form: f, order: order}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		m.push(x, denoised, sigma)
		return m.step(x, float64(sigmaNext), r), nil
	})
}

// checkOrder panics unless order is one that a solver comes in.
func checkOrder(order, most int) {
	if order < 1 || order > most {
		panic("sampler: order that the solver does not come in")
	}
}
