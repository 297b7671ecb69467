package sampler

import (
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Tolerance is the error that an adaptive solver allows each of its steps: of
// every number atol, or rtol times the number if that is more.
type Tolerance struct{ RTol, ATol float64 }

// of returns the root mean square of err over the tolerance for numbers of the
// size of a or b: more than 1 is too much (Jolicoeur-Martineau et al. 2021,
// section 3.1.3, with q = 2).
func (t Tolerance) of(err, a, b *tensor.Tensor) float64 {
	sum := 0.0
	for j, e := range err.Data {
		size := max(math.Abs(float64(a.Data[j])), math.Abs(float64(b.Data[j])))
		part := float64(e) / max(t.ATol, t.RTol*size)
		sum += float64(part * part)
	}
	return math.Sqrt(sum / float64(len(err.Data)))
}

// shortest is the least step of an adaptive solver in ln σ. It is taken whatever
// its error, so that a run ends.
const shortest = 1.0 / (1 << 12)

// pace is how far an adaptive solver goes at a time.
type pace struct {
	h     float64 // the next step in ln σ
	power float64 // h changes by 0.9·error^−power
}

// within returns the level that a step from sigma leads to, not beyond end, and
// its length in ln σ.
func (p *pace) within(sigma, end float64) (next, h float64) {
	left := num.Log(sigma / end)
	if h = max(p.h, shortest); h < left {
		return float64(sigma * num.Exp(-h)), h
	}
	return end, left
}

// accepts decides about a step of length h with an error in units of the
// tolerance, and sets the next one. An error that is not a number is accepted: it
// is the network's, and shows in the image.
func (p *pace) accepts(h, err float64) bool {
	if !(err >= 0) {
		return true
	}
	factor := min(max(0.9*num.Pow(err, -p.power), 0.2), 10)
	p.h = max(float64(factor*h), shortest)
	return err <= 1 || h <= shortest
}
