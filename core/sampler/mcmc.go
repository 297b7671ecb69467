package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Density evaluates an unnormalised density: it returns the log density of every
// row of x, and its gradient, which has the shape of x. It leaves x unchanged. An
// error ends the sampling and is returned unchanged.
type Density func(x *tensor.Tensor) (log []float64, gradient *tensor.Tensor, err error)

// Langevin is the unadjusted Langevin algorithm (Roberts & Tweedie 1996). It
// repeats, steps times,
//
//	x ← x + step·∇log p(x) + √(2·step)·z
//
// Its stationary distribution has an error of the order of step; MALA has none.
//
//	x      [N,...]: where the N chains start; left unchanged
//	step   above 0
//	noise  StreamStep+i is drawn in step i
//
// It evaluates the density steps times, and uses the gradient only: a density without
// log values, such as a learned score, will do. It returns an error of density unchanged.
func Langevin(density Density, x *tensor.Tensor, step float64, steps int, noise Noise) (_ *tensor.Tensor, err error) {
	defer rescue(&err)
	if density, noise, err = density.checked(x, noise, false); err != nil {
		return nil, err
	}
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

// MALA is the Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996). A
// Langevin step proposes y, which is accepted with probability
//
//	min(1, p(y)·q(x|y)/(p(x)·q(y|x))),   q(y|x) = N(y; x + step·∇log p(x), 2·step·I)
//
// so that p is the stationary distribution of the chain for every step size.
//
//	x      [N,...]: where the N chains start; left unchanged
//	step   above 0
//	noise  StreamStep+i and StreamStep+i+StreamInner are drawn in step i
//
// It evaluates the density steps+1 times, and returns the acceptance rate, which
// is best near 0.57. It returns an error of density unchanged.
func MALA(density Density, x *tensor.Tensor, step float64, steps int, noise Noise) (_ *tensor.Tensor, accepted float64, err error) {
	if density, noise, err = density.checked(x, noise, true); err != nil {
		return nil, 0, err
	}
	return metropolis(density, x, steps, noise, func(from state, z *tensor.Tensor) (to state, log []float64, err error) {
		to.x = drift(from.x, from.gradient, step).AddScaled(float32(math.Sqrt(2*step)), z)
		if to.log, to.gradient, err = density(to.x); err != nil {
			return to, nil, err
		}
		backward := squaredNorms(from.x.AddScaled(-1, drift(to.x, to.gradient, step)))
		forward := squaredNorms(to.x.AddScaled(-1, drift(from.x, from.gradient, step)))
		log = make([]float64, len(to.log))
		for i := range log {
			log[i] = to.log[i] - from.log[i] + (forward[i]-backward[i])/(4*step)
		}
		return to, log, nil
	})
}

// HMC is Hamiltonian Monte Carlo (Neal 2011, arXiv:1206.1901, section 3). A step
// draws a momentum v ~ N(0,I), and takes leapfrogs leapfrog steps
//
//	v ← v + step/2·∇log p(x),   x ← x + step·v,   v ← v + step/2·∇log p(x)
//
// The result is accepted with probability min(1, exp(H − H′)), H = ‖v‖²/2 − log p.
// With one leapfrog step it is MALA with step²/2.
//
//	x          [N,...]: where the N chains start; left unchanged
//	step       above 0
//	leapfrogs  at least 1
//	noise      StreamStep+i and StreamStep+i+StreamInner are drawn in step i
//
// It evaluates the density steps·leapfrogs+1 times, and returns the acceptance
// rate, which is best near 0.65. It returns an error of density unchanged.
func HMC(density Density, x *tensor.Tensor, step float64, leapfrogs, steps int, noise Noise) (_ *tensor.Tensor, accepted float64, err error) {
	if leapfrogs < 1 {
		return nil, 0, fmt.Errorf("sampler: leapfrogs must be at least 1 (got %d)", leapfrogs)
	}
	if density, noise, err = density.checked(x, noise, true); err != nil {
		return nil, 0, err
	}
	return metropolis(density, x, steps, noise, func(from state, v *tensor.Tensor) (to state, log []float64, err error) {
		to = from
		energy := squaredNorms(v)
		for range leapfrogs {
			v = v.AddScaled(float32(step/2), to.gradient)
			to.x = to.x.AddScaled(float32(step), v)
			if to.log, to.gradient, err = density(to.x); err != nil {
				return to, nil, err
			}
			v = v.AddScaled(float32(step/2), to.gradient)
		}
		log = squaredNorms(v)
		for i := range log {
			log[i] = to.log[i] - from.log[i] + (energy[i]-log[i])/2
		}
		return to, log, nil
	})
}

// state is the positions of the chains, and the density there.
type state struct {
	x        *tensor.Tensor
	log      []float64
	gradient *tensor.Tensor
}

// metropolis runs Metropolis-Hastings chains (Metropolis et al. 1953, Hastings
// 1970). From a state and fresh noise, propose returns another state and, for
// every row, the log of the acceptance ratio. A row whose ratio is NaN stays.
func metropolis(density Density, x *tensor.Tensor, steps int, noise Noise,
	propose func(from state, z *tensor.Tensor) (to state, log []float64, err error)) (_ *tensor.Tensor, rate float64, err error) {
	defer rescue(&err)
	log, gradient, err := density(x)
	if err != nil {
		return nil, 0, err
	}
	current, accepted, rows := state{x, log, gradient}, 0, x.Shape[0]
	for i := range steps {
		to, odds, err := propose(current, noise(StreamStep+uint32(i)))
		if err != nil {
			return nil, 0, err
		}
		next := state{to.x.Clone(), append([]float64(nil), to.log...), to.gradient.Clone()}
		uniform := noise(StreamStep + uint32(i) + StreamInner)
		for row := range rows {
			// Φ(z) of a standard normal z is uniform.
			u := 0.5 + num.Erf(float64(uniform.Row(row)[0])/math.Sqrt2)/2
			if num.Log(u) < odds[row] {
				accepted++
				continue
			}
			copy(next.x.Row(row), current.x.Row(row))
			copy(next.gradient.Row(row), current.gradient.Row(row))
			next.log[row] = current.log[row]
		}
		current = next
	}
	return current.x, float64(accepted) / float64(max(steps*rows, 1)), nil
}

// squaredNorms returns the squared norm of every row.
func squaredNorms(x *tensor.Tensor) []float64 {
	sums := make([]float64, x.Shape[0])
	for i := range sums {
		for _, v := range x.Row(i) {
			sums[i] += float64(float64(v) * float64(v))
		}
	}
	return sums
}
