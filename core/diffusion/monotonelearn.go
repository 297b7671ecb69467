package diffusion

import "math"

// Weights returns what there is to learn of m, as numbers that may be any: γ₀, γ₁, ln w,
// and ln a, b, ln c of each unit.
func (m *Monotone) Weights() []float32 {
	w := []float32{float32(m.Start), float32(m.End), float32(math.Log(m.Slope))}
	for _, u := range m.Units {
		w = append(w, float32(math.Log(u[0])), float32(u[1]), float32(math.Log(u[2])))
	}
	return w
}

// SetWeights is the inverse of Weights. It first holds w to what makes a γ of use: ends
// within ±maxGamma and at least 1 apart, slope and units of like weights, so that γ rises
// at every of a thousand steps. It panics unless w has as many numbers as Weights.
func (m *Monotone) SetWeights(w []float32) {
	const maxGamma = 27 // e^13.5 is 700,000
	hold := func(i int, low, high float32) float64 {
		w[i] = max(low, min(w[i], high))
		return float64(w[i])
	}
	if len(w) != 3+3*len(m.Units) {
		panic("diffusion: weights of another gamma")
	}
	m.Start = hold(0, -maxGamma, maxGamma-1)
	m.End = hold(1, w[0]+1, maxGamma)
	m.Slope = math.Exp(hold(2, -3, 3))
	for j := range m.Units {
		m.Units[j] = [3]float64{math.Exp(hold(3+3*j, -5, 10)), hold(4+3*j, -1000, 1000), math.Exp(hold(5+3*j, -8, 3))}
	}
}

// RateGradient writes to dst what ln γ̇ at the γ that m has at time t changes by with each
// of Weights: t moves along so that γ stays. It is 0 for the two ends. Drawing t evenly,
// γ has the density 1/γ̇; what is written is the derivative of minus its logarithm.
func (m *Monotone) RateGradient(dst []float64, t float64) {
	// ln γ̇ = ln h′(t) − ln(h(1)−h(0)) + const, and along p = (h(t)−h(0))/(h(1)−h(0)) = const.
	first, _ := m.hidden(0)
	last, _ := m.hidden(1)
	h, rate := m.hidden(t)
	rise := last - first
	n := len(dst) - 2
	atFirst, atLast, at := make([]float64, n), make([]float64, n), make([]float64, n)
	m.weightRates(atFirst, 0)
	m.weightRates(atLast, 1)
	m.weightRates(at, t)
	bend := m.slopeRates(dst[2:], t)
	part := (h - first) / rise
	for i, slope := range dst[2:] {
		whole := atLast[i] - atFirst[i]
		moved := -(at[i] - atFirst[i] - part*whole) / rate // dt
		dst[2+i] = slope/rate - whole/rise + bend/rate*moved
	}
	dst[0], dst[1] = 0, 0
}

// slopeRates writes dh′(t) by ln w and each unit's ln a, b, ln c, and returns h″(t).
func (m *Monotone) slopeRates(dst []float64, t float64) (bend float64) {
	dst[0] = m.Slope
	for j, u := range m.Units {
		y := sigmoid(u[0]*t + u[1])
		slope := u[2] * u[0] * y * (1 - y)
		bent := slope * (1 - 2*y)
		dst[1+3*j], dst[2+3*j], dst[3+3*j] = slope+bent*u[0]*t, bent, slope
		bend += bent * u[0]
	}
	return bend
}
