package train

import (
	"math"
	"slices"
)

// A powerAverage is a weight average with a power function profile (Karras et al. 2024,
// arXiv:2312.02696, section 3.1): the weights of step τ count in proportion to τ^gamma. Its
// width is a fraction of the steps taken, so that it suits a run of any length.
type powerAverage struct {
	gamma   float64
	weights []float32
}

// newPowerAverages returns an average of the weights for every relative width.
func newPowerAverages(widths []float64, weights []float32) []powerAverage {
	var out []powerAverage
	for _, width := range widths {
		out = append(out, powerAverage{widthGamma(width), slices.Clone(weights)})
	}
	return out
}

// update adds the weights after step t, counted from 1 (eq. 123 of the same).
func (a *powerAverage) update(weights []float32, t int) {
	rest := float32(1 - math.Pow(1-1/float64(t), a.gamma+1))
	split(len(weights), func(from, to int) {
		for i := from; i < to; i++ {
			a.weights[i] += (weights[i] - a.weights[i]) * rest
		}
	})
}

// The relative widths that a profile can have: σ_rel of γ = 0 is 1/√12, and narrower ones
// are useless below a hundredth.
const (
	minWidth = 0.01
	maxWidth = 0.28
)

// widthGamma returns the γ of a profile of relative width σ_rel, its standard deviation
// as a fraction of the run: σ_rel = (γ+1)^½·(γ+2)^−1·(γ+3)^−½ (Karras et al. 2024, eq. 126).
func widthGamma(width float64) float64 {
	low, high := 0.0, 1/minWidth // σ_rel falls with γ and is below 1/γ
	for range 60 {
		gamma := (low + high) / 2
		if math.Sqrt((gamma+1)/(gamma+3))/(gamma+2) > width {
			low = gamma
		} else {
			high = gamma
		}
	}
	return low
}

// averaged returns weights for the model: those of average i, the average of constant decay,
// or the current weights.
func (t *Trainer) averaged(i int) []float32 {
	switch {
	case len(t.averages) > 0:
		return t.averages[i].weights
	case t.config.Average > 0:
		return t.optimiser.average
	}
	return t.params.Flat
}
