package sampler

import (
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Density is an unnormalised density that can be evaluated: it returns the
// logarithm for every row of x and its gradient, of the shape of x, which is left
// unchanged. An error ends the sampling that asked, and is returned as it is.
type Density func(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error)

// Langevin is the unadjusted Langevin algorithm (Roberts & Tweedie 1996): steps
// times
//
//	x ← x + step·∇log p(x) + √(2·step)·z
//
// Its law is off by an error of the order of step, which MALA removes.
//
//	x      [N,...]: where the N chains start; left unchanged
//	step   above 0
//	noise  StreamStep+i is drawn in step i
//
// It evaluates the density steps times. The error is the density's.
func Langevin(density Density, x *tensor.Tensor, step float64, steps int, noise Noise) (*tensor.Tensor, error) {
	for i := range steps {
		_, gradient, err := density(x)
		if err != nil {
			return nil, err
		}
		x = drift(x, gradient, step).AddScaled(float32(math.Sqrt(2*step)), noise(StreamStep+uint32(i)))
	}
	return x, nil
}

func drift(x, gradient *tensor.Tensor, step float64) *tensor.Tensor {
	return x.AddScaled(float32(step), gradient)
}

// MALA is the Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996): the
// step of Langevin leads to y, which is taken with probability
//
//	min(1, p(y)·q(x|y)/(p(x)·q(y|x))),   q(y|x) = N(y; x + step·∇log p(x), 2·step·I)
//
// so that p is the chain's stationary law whatever the step.
//
//	x      [N,...]: where the N chains start; left unchanged
//	step   above 0
//	noise  StreamStep+i and StreamStep+i+StreamInner are drawn in step i
//
// It evaluates the density steps+1 times, and returns the share of steps taken,
// best near 0.57. The error is the density's.
func MALA(density Density, x *tensor.Tensor, step float64, steps int, noise Noise) (_ *tensor.Tensor, taken float64, err error) {
	return metropolis(density, x, steps, noise, func(from state, z *tensor.Tensor) (to state, log []float64, err error) {
		to.x = drift(from.x, from.gradient, step).AddScaled(float32(math.Sqrt(2*step)), z)
		if to.log, to.gradient, err = density(to.x); err != nil {
			return to, nil, err
		}
		back := squares(from.x.AddScaled(-1, drift(to.x, to.gradient, step)))
		there := squares(to.x.AddScaled(-1, drift(from.x, from.gradient, step)))
		log = make([]float64, len(to.log))
		for i := range log {
			log[i] = to.log[i] - from.log[i] + (there[i]-back[i])/(4*step)
		}
		return to, log, nil
	})
}

// HMC is Hamiltonian Monte Carlo (Neal 2011, arXiv:1206.1901, section 3): fresh
// momentum v ~ N(0,I), leaps leapfrog steps
//
//	v ← v + step/2·∇log p(x),   x ← x + step·v,   v ← v + step/2·∇log p(x)
//
// and their end is taken with probability min(1, exp(H − H′)), H = ‖v‖²/2 − log p.
// With one leap it is MALA with step²/2.
//
//	x      [N,...]: where the N chains start; left unchanged
//	step   above 0
//	leaps  at least 1
//	noise  StreamStep+i and StreamStep+i+StreamInner are drawn in step i
//
// It evaluates the density steps·leaps+1 times, and returns the share of steps
// taken, best near 0.65. The error is the density's.
func HMC(density Density, x *tensor.Tensor, step float64, leaps, steps int, noise Noise) (_ *tensor.Tensor, taken float64, err error) {
	if leaps < 1 {
		panic("sampler: HMC without leaps")
	}
	return metropolis(density, x, steps, noise, func(from state, v *tensor.Tensor) (to state, log []float64, err error) {
		to = from
		energy := squares(v)
		for range leaps {
			v = v.AddScaled(float32(step/2), to.gradient)
			to.x = to.x.AddScaled(float32(step), v)
			if to.log, to.gradient, err = density(to.x); err != nil {
				return to, nil, err
			}
			v = v.AddScaled(float32(step/2), to.gradient)
		}
		log = squares(v)
		for i := range log {
			log[i] = to.log[i] - from.log[i] + (energy[i]-log[i])/2
		}
		return to, log, nil
	})
}

// state is where the chains are.
type state struct {
	x        *tensor.Tensor
	log      []float64
	gradient *tensor.Tensor
}

// metropolis runs the chains of a proposal: from a state and fresh noise it
// returns another state, and the logarithm of the odds of going there for every
// row (Metropolis et al. 1953, Hastings 1970). A row whose odds are not a number
// stays.
func metropolis(density Density, x *tensor.Tensor, steps int, noise Noise,
	propose func(from state, z *tensor.Tensor) (to state, log []float64, err error)) (*tensor.Tensor, float64, error) {
	log, gradient, err := density(x)
	if err != nil {
		return nil, 0, err
	}
	at, taken, rows := state{x, log, gradient}, 0, x.Shape[0]
	for i := range steps {
		to, odds, err := propose(at, noise(StreamStep+uint32(i)))
		if err != nil {
			return nil, 0, err
		}
		next := state{to.x.Clone(), append([]float64(nil), to.log...), to.gradient.Clone()}
		dice := noise(StreamStep + uint32(i) + StreamInner)
		for row := range rows {
			// Φ(z) of a standard normal z is uniform.
			u := 0.5 + num.Erf(float64(dice.Row(row)[0])/math.Sqrt2)/2
			if num.Log(u) < odds[row] {
				taken++
				continue
			}
			copy(next.x.Row(row), at.x.Row(row))
			copy(next.gradient.Row(row), at.gradient.Row(row))
			next.log[row] = at.log[row]
		}
		at = next
	}
	return at.x, float64(taken) / float64(max(steps*rows, 1)), nil
}

// squares returns the squared length of every row.
func squares(x *tensor.Tensor) []float64 {
	sums := make([]float64, x.Shape[0])
	for i := range sums {
		for _, v := range x.Row(i) {
			sums[i] += float64(float64(v) * float64(v))
		}
	}
	return sums
}
