package diffusion

import (
	"errors"
	"math"
)

// NewMonotone returns a γ that rises almost evenly from start to end, and has so many
// hidden units to learn with: their steps are spread over t.
func NewMonotone(start, end float64, units int) *Monotone {
	m := &Monotone{Start: start, End: end, Slope: 1}
	for j := range units {
		a := 4 * float64(units)
		m.Units = append(m.Units, [3]float64{a, -a * (float64(j) + 0.5) / float64(units), 1 / float64(units)})
	}
	return m
}

// FitMonotone returns a Monotone of the given hidden units that passes near the
// points (times[i], gammas[i]): Adam (Kingma & Ba 2015) on the squared error, for
// the logarithms of the positive weights. The first point stands at t = 0 and the
// last at t = 1, and these two are met exactly. The same points give the same
// weights on one machine. The error says what is wrong with the points.
func FitMonotone(times, gammas []float64, units, steps int) (*Monotone, error) {
	n := len(times)
	if n < 2 || len(gammas) != n || times[0] != 0 || times[n-1] != 1 {
		return nil, errors.New("diffusion: gamma: need at least two points, as many times as values, from t = 0 to t = 1")
	}
	m := NewMonotone(gammas[0], gammas[n-1], units)
	if err := m.Validate(); err != nil {
		return nil, err
	}
	grad := make([]float64, 1+3*units)
	first, second := make([]float64, len(grad)), make([]float64, len(grad))
	const beta1, beta2, rate = 0.9, 0.99, 0.03
	for step := 1; step <= steps; step++ {
		m.gradient(grad, times, gammas)
		lr := rate * (1 - float64(step-1)/float64(steps))
		for i, g := range grad {
			first[i] += (1 - beta1) * (g - first[i])
			second[i] += (1 - beta2) * (g*g - second[i])
			mean := first[i] / (1 - math.Pow(beta1, float64(step)))
			m.nudge(i, -lr*mean/(math.Sqrt(second[i]/(1-math.Pow(beta2, float64(step))))+1e-12))
		}
	}
	return m, m.Validate()
}

// nudge adds d to weight i as gradient orders them, or to its logarithm.
func (m *Monotone) nudge(i int, d float64) {
	switch unit := m.Units; {
	case i == 0:
		m.Slope *= math.Exp(d)
	case (i-1)%3 == 1:
		unit[(i-1)/3][1] += d
	default:
		unit[(i-1)/3][(i-1)%3] *= math.Exp(d)
	}
}

// gradient writes the derivatives of ½·mean((γ(t) − want)²)/(γ₁ − γ₀)² by ln w and
// each unit's ln a, b, ln c.
func (m *Monotone) gradient(grad, times, gammas []float64) {
	first, _ := m.hidden(0)
	last, _ := m.hidden(1)
	rise := last - first
	atFirst, atLast, at := make([]float64, len(grad)), make([]float64, len(grad)), make([]float64, len(grad))
	m.weightRates(atFirst, 0)
	m.weightRates(atLast, 1)
	clear(grad)
	for k, t := range times {
		h, _ := m.hidden(t)
		part := (h - first) / rise
		off := (part - (gammas[k]-m.Start)/(m.End-m.Start)) / float64(len(times))
		m.weightRates(at, t)
		for i := range grad {
			grad[i] += off * ((at[i] - atFirst[i]) - part*(atLast[i]-atFirst[i])) / rise
		}
	}
}

// weightRates writes dh(t) by the same.
func (m *Monotone) weightRates(dst []float64, t float64) {
	dst[0] = m.Slope * t
	for j, u := range m.Units {
		y := sigmoid(u[0]*t + u[1])
		slope := u[2] * y * (1 - y)
		dst[1+3*j], dst[2+3*j], dst[3+3*j] = slope*u[0]*t, slope, u[2]*y
	}
}

// EvenLoss returns times for rising gammas such that γ̇(t)·losses(γ) is the same at
// every t, given E‖ε − ε̂‖² at each γ: the schedule for which an estimate of the
// variational bound from random t varies least, while the bound itself is the same
// for all (Kingma et al. 2021, section 5.1). Fitted by FitMonotone it is the learned
// schedule of that paper. It panics unless both are as long and hold two or more.
func EvenLoss(gammas, losses []float64) (times []float64) {
	if len(gammas) != len(losses) || len(gammas) < 2 {
		panic("diffusion: EvenLoss: need two or more gammas, and a loss for each")
	}
	times = make([]float64, len(gammas))
	for i := 1; i < len(gammas); i++ {
		times[i] = times[i-1] + (gammas[i]-gammas[i-1])*(losses[i]+losses[i-1])/2
	}
	total := times[len(times)-1]
	for i := range times {
		times[i] /= total
	}
	return times
}
