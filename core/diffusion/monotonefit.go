package diffusion

import (
	"errors"
	"fmt"
	"math"
)

// NewMonotone returns an almost linear γ from start to end with the given number of
// hidden units, whose steps are spread over t.
func NewMonotone(start, end float64, units int) *Monotone {
	m := &Monotone{Start: start, End: end, Slope: 1}
	for j := range units {
		a := 4 * float64(units)
		m.Units = append(m.Units, [3]float64{a, -a * (float64(j) + 0.5) / float64(units), 1 / float64(units)})
	}
	return m
}

// FitMonotone fits a Monotone with the given number of hidden units to the points
// (times[i], gammas[i]). It minimises the squared error with Adam (Kingma & Ba 2015)
// over the logarithms of the positive weights. The first point must be at t = 0 and
// the last at t = 1; the fit is exact at these two. On one machine the same points
// give the same weights. The error names what is wrong with the points.
func FitMonotone(times, gammas []float64, units, steps int) (*Monotone, error) {
	n := len(times)
	if n < 2 || len(gammas) != n || times[0] != 0 || times[n-1] != 1 {
		return nil, errors.New("diffusion: gamma: a fit needs at least two points, from t = 0 to t = 1, and a value for each time")
	}
	if units < 0 {
		return nil, fmt.Errorf("diffusion: gamma: the number of units must be at least 0 (got %d)", units)
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
			m.update(i, -lr*mean/(math.Sqrt(second[i]/(1-math.Pow(beta2, float64(step))))+1e-12))
		}
	}
	return m, m.Validate()
}

// update adds d to weight i, in the order of gradient, or to its logarithm.
func (m *Monotone) update(i int, d float64) {
	switch unit := m.Units; {
	case i == 0:
		m.Slope *= math.Exp(d)
	case (i-1)%3 == 1:
		unit[(i-1)/3][1] += d
	default:
		unit[(i-1)/3][(i-1)%3] *= math.Exp(d)
	}
}

// gradient writes the derivatives of ½·mean((γ(t) − gammas)²)/(γ₁ − γ₀)² with respect
// to ln w and each unit's ln a, b, ln c.
func (m *Monotone) gradient(grad, times, gammas []float64) {
	first, _ := m.hidden(0)
	last, _ := m.hidden(1)
	rise := last - first
	atFirst, atLast, at := make([]float64, len(grad)), make([]float64, len(grad)), make([]float64, len(grad))
	m.weightGradient(atFirst, 0)
	m.weightGradient(atLast, 1)
	clear(grad)
	for k, t := range times {
		h, _ := m.hidden(t)
		part := (h - first) / rise
		diff := (part - (gammas[k]-m.Start)/(m.End-m.Start)) / float64(len(times))
		m.weightGradient(at, t)
		for i := range grad {
			grad[i] += diff * ((at[i] - atFirst[i]) - part*(atLast[i]-atFirst[i])) / rise
		}
	}
}

// weightGradient writes the derivatives of h(t) with respect to the same weights.
func (m *Monotone) weightGradient(dst []float64, t float64) {
	dst[0] = m.Slope * t
	for j, u := range m.Units {
		y := sigmoid(u[0]*t + u[1])
		slope := u[2] * y * (1 - y)
		dst[1+3*j], dst[2+3*j], dst[3+3*j] = slope*u[0]*t, slope, u[2]*y
	}
}

// UniformLossTimes returns times for increasing gammas such that γ̇(t)·losses(γ) is
// constant in t, where losses are E‖ε − ε̂‖² at each γ. For this schedule an estimate of
// the variational bound from random t has the least variance; the bound itself is the
// same for every schedule (Kingma et al. 2021, section 5.1). Fitted with FitMonotone it
// is the learned schedule of that paper. It panics unless there are at least two gammas
// and one loss for each.
func UniformLossTimes(gammas, losses []float64) (times []float64) {
	if len(gammas) != len(losses) || len(gammas) < 2 {
		panic("diffusion: UniformLossTimes: needs at least two gammas, and one loss for each")
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
