package sampler

import (
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Tolerance is the error that an adaptive solver allows in each step and each
// number: ATol, or RTol times the number's magnitude, whichever is larger.
type Tolerance struct{ RTol, ATol float64 }

// scaledError returns the root mean square of err divided by the tolerance for
// numbers of the magnitude of a or b, whichever is larger. A step is accurate
// enough if the result is at most 1 (Jolicoeur-Martineau et al. 2021, section
// 3.1.3, with q = 2).
func (t Tolerance) scaledError(err, a, b *tensor.Tensor) float64 {
	sum := 0.0
	for j, e := range err.Data {
		size := max(math.Abs(float64(a.Data[j])), math.Abs(float64(b.Data[j])))
		part := float64(e) / max(t.ATol, t.RTol*size)
		sum += float64(part * part)
	}
	return math.Sqrt(sum / float64(len(err.Data)))
}

// minStep is the smallest step of an adaptive solver in ln σ. A step of this size
// is accepted whatever its error, so that every run ends.
const minStep = 1.0 / (1 << 12)

// stepController chooses the step sizes of an adaptive solver.
type stepController struct {
	h     float64 // size of the next step in ln σ
	power float64 // after a step h is multiplied by 0.9·error^−power
}

// next returns the level at the end of a step from sigma, which does not pass
// end, and the step's size in ln σ.
func (p *stepController) next(sigma, end float64) (next, h float64) {
	left := num.Log(sigma / end)
	if h = max(p.h, minStep); h < left {
		return float64(sigma * num.Exp(-h)), h
	}
	return end, left
}

// accept reports whether a step of size h is accepted, given its error in units
// of the tolerance, and sets the size of the next step. A NaN error is accepted:
// it comes from the network, and shows in the image.
func (p *stepController) accept(h, err float64) bool {
	if !(err >= 0) {
		return true
	}
	factor := min(max(0.9*num.Pow(err, -p.power), 0.2), 10)
	p.h = max(float64(factor*h), minStep)
	return err <= 1 || h <= minStep
}
