package diffusion

import "math"

// Weights returns the learnable parameters of m, unconstrained: γ₀, γ₁, ln w, and
// ln a, b, ln c of each unit.
func (m *Monotone) Weights() []float32 {
	w := []float32{float32(m.Start), float32(m.End), float32(math.Log(m.Slope))}
	for _, u := range m.Units {
		w = append(w, float32(math.Log(u[0])), float32(u[1]), float32(math.Log(u[2])))
	}
	return w
}

// SetWeights is the inverse of Weights. It first clamps w, in place: the ends to
// ±maxGamma and at least 1 apart, slope and units so that γ increases at each of a
// thousand steps. It panics unless w has as many numbers as Weights returns.
func (m *Monotone) SetWeights(w []float32) {
	const maxGamma = 27 // e^13.5 is 700,000
	clamp := func(i int, low, high float32) float64 {
		w[i] = max(low, min(w[i], high))
		return float64(w[i])
	}
	if len(w) != 3+3*len(m.Units) {
		panic("diffusion: Monotone.SetWeights: wrong number of weights")
	}
	m.Start = clamp(0, -maxGamma, maxGamma-1)
	m.End = clamp(1, w[0]+1, maxGamma)
	m.Slope = math.Exp(clamp(2, -3, 3))
	for j := range m.Units {
		m.Units[j] = [3]float64{math.Exp(clamp(3+3*j, -5, 10)), clamp(4+3*j, -1000, 1000), math.Exp(clamp(5+3*j, -8, 3))}
	}
}

// RateGradient writes to dst the derivatives of ln γ̇ with respect to Weights, at the γ
// that m has at time t: t changes with the weights so that γ stays constant. They are 0
// for the two ends. For uniform t, γ has the density 1/γ̇; this is the derivative of its
// negative logarithm.
func (m *Monotone) RateGradient(dst []float64, t float64) {
	// ln γ̇ = ln h′(t) − ln(h(1)−h(0)) + const, and along p = (h(t)−h(0))/(h(1)−h(0)) = const.
	first, _ := m.hidden(0)
	last, _ := m.hidden(1)
	h, rate := m.hidden(t)
	rise := last - first
	n := len(dst) - 2
	atFirst, atLast, at := make([]float64, n), make([]float64, n), make([]float64, n)
	m.weightGradient(atFirst, 0)
	m.weightGradient(atLast, 1)
	m.weightGradient(at, t)
	curvature := m.slopeGradient(dst[2:], t)
	part := (h - first) / rise
	for i, slope := range dst[2:] {
		span := atLast[i] - atFirst[i]
		dt := -(at[i] - atFirst[i] - part*span) / rate // dt
		dst[2+i] = slope/rate - span/rise + curvature/rate*dt
	}
	dst[0], dst[1] = 0, 0
}

// slopeGradient writes the derivatives of h′(t) with respect to ln w and each unit's
// ln a, b, ln c, and returns h″(t).
func (m *Monotone) slopeGradient(dst []float64, t float64) (curvature float64) {
	dst[0] = m.Slope
	for j, u := range m.Units {
		y := sigmoid(u[0]*t + u[1])
		slope := u[2] * u[0] * y * (1 - y)
		second := slope * (1 - 2*y)
		dst[1+3*j], dst[2+3*j], dst[3+3*j] = slope+second*u[0]*t, second, slope
		curvature += second * u[0]
	}
	return curvature
}
