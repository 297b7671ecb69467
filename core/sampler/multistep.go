package sampler

import (
	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// integral is a way to write the exact solution of the ODE between two levels σ and
// σ′ as a multiple of x plus an integral of the network's prediction. With the noise
// ε = (x − D)/σ, and with s the distance from σ in λ = −ln σ, which is h = ln(σ/σ′)
// at the end,
//
//	noiseOverSigma   x′ = x + ∫ ε dσ
//	noiseOverLambda  x′ = x + ∫ ε dσ = x − σ·∫₀ʰ e^(−s)·ε ds
//	dataOverLambda   x′ = σ′/σ·x + ∫₀ʰ e^(s−h)·D ds
//
// (Lu et al. 2022, arXiv:2206.00927 and arXiv:2211.01095, with α = 1.) A solver of
// order q replaces ε or D by the polynomial in σ or s through q of its values, and
// integrates that exactly: it needs ∫ sᵏ·weight ds.
type integral int

const (
	noiseOverSigma integral = iota
	noiseOverLambda
	dataOverLambda
)

// value returns the integrand: ε or D.
func (f integral) value(x, denoised *tensor.Tensor, sigma float32) *tensor.Tensor {
	if f == dataOverLambda {
		return denoised
	}
	return slope(x, denoised, sigma)
}

// decay returns the factor of x in a step from sigma to next.
func (f integral) decay(sigma, next float64) float64 {
	if f == dataOverLambda {
		return next / sigma
	}
	return 1
}

// coordinate returns the polynomial's variable at a level: σ or λ, relative to sigma.
func (f integral) coordinate(sigma, level float64) float64 {
	if f == noiseOverSigma {
		return level - sigma
	}
	return num.Log(sigma / level)
}

// moments returns the weighted integrals of the first n powers of the coordinate over
// the step from sigma to next. Those over λ follow by integration by parts:
// ∫e^(−s)·sᵏ = k·∫e^(−s)·sᵏ⁻¹ − hᵏ·e^(−h), ∫e^(s−h)·sᵏ = hᵏ − k·∫e^(s−h)·sᵏ⁻¹.
func (f integral) moments(sigma, next float64, n int) []float64 {
	h := f.coordinate(sigma, next)
	m := make([]float64, n)
	power, integral := 1.0, (sigma-next)/sigma // hᵏ; 1 − e^(−h) for k = 0
	for k := range m {
		if k > 0 {
			power = float64(power * h)
		}
		switch f {
		case noiseOverSigma:
			m[k] = float64(power*h) / float64(k+1)
		case noiseOverLambda:
			if k > 0 {
				integral = float64(float64(k)*integral) - float64(power*(next/sigma))
			}
			m[k] = float64(-sigma * integral)
		case dataOverLambda:
			if k > 0 {
				integral = power - float64(float64(k)*integral)
			}
			m[k] = integral
		}
	}
	return m
}

// rule returns the weights of values at the coordinates places, the first of which
// is 0, for a step that ends at h and has the moments m.
type rule func(places []float64, h float64, m []float64) []float64

// interpolationRule integrates every polynomial of degree below len(places) exactly:
// it solves Σ_j w_j·places_jᵏ = m_k (Björck & Pereyra 1970).
func interpolationRule(places []float64, _ float64, m []float64) []float64 {
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

// midpointRule is interpolationRule except for two values: then it is
// m₀·(f₀ + (f₁−f₀)/(2r)), where r is the second coordinate divided by h. This is the
// second-order rule of the DPM-Solvers and of UniPC with B(h) = e^h − 1, which
// replaces m₁ by m₀·h/2.
func midpointRule(places []float64, h float64, m []float64) []float64 {
	return midpointRuleWith(m[0], places, h, m)
}

// midpointRuleWith is midpointRule with b instead of m₀ as the weight of the difference.
func midpointRuleWith(b float64, places []float64, h float64, m []float64) []float64 {
	if len(places) != 2 {
		return interpolationRule(places, h, m)
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

// history is the last values of an integrand, at most order of them, newest first.
type history struct {
	integral integral
	order    int
	values   []*tensor.Tensor
	sigmas   []float64
}

// add puts the integrand at x in front.
func (m *history) add(x, denoised *tensor.Tensor, sigma float32) {
	m.push(m.integral.value(x, denoised, sigma), sigma)
}

// push puts a value in front.
func (m *history) push(value *tensor.Tensor, sigma float32) {
	m.values = append([]*tensor.Tensor{value}, m.values...)
	m.sigmas = append([]float64{float64(sigma)}, m.sigmas...)
	n := min(len(m.values), m.order)
	m.values, m.sigmas = m.values[:n], m.sigmas[:n]
}

// weights returns the weights of the values in a step from the newest level to next
// and, if at is above 0, of one more value at the level at.
func (m *history) weights(next, at float64, r rule) []float64 {
	sigma, places := m.sigmas[0], m.places(at)
	return r(places, m.integral.coordinate(sigma, next), m.integral.moments(sigma, next, len(places)))
}

// places returns the coordinates of the values, relative to the newest, and if at is above 0
// that of the level at.
func (m *history) places(at float64) []float64 {
	sigma := m.sigmas[0]
	var places []float64
	for _, level := range m.sigmas {
		places = append(places, m.integral.coordinate(sigma, level))
	}
	if at > 0 {
		places = append(places, m.integral.coordinate(sigma, at))
	}
	return places
}

// newest returns the last n values, or all if there are fewer.
func (m *history) newest(n int) *history {
	n = min(n, len(m.values))
	return &history{m.integral, m.order, m.values[:n], m.sigmas[:n]}
}

// step takes x from the level of the newest value to next.
func (m *history) step(x *tensor.Tensor, next float64, r rule) *tensor.Tensor {
	return weighted(m.integral.decay(m.sigmas[0], next), x, m.weights(next, 0, r), m.values)
}

// multistep is a multistep solver that uses order values. The first steps have
// fewer and are of lower order; so are the last, unless ends is nil, and walk takes the step
// to 0. It calls denoise K times.
func multistep(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, f integral, order, maxOrder int, r rule, ends ending, hook Hook) (*tensor.Tensor, error) {
	if err := checkOrder(order, maxOrder); err != nil {
		return nil, err
	}
	m := history{integral: f, order: order}
	return walk(denoise, x, sigmas, hook, func(_ int, x, denoised *tensor.Tensor, sigma, sigmaNext float32) (*tensor.Tensor, error) {
		m.add(x, denoised, sigma)
		return m.newest(ends.order(sigma, order)).step(x, float64(sigmaNext), r), nil
	})
}
