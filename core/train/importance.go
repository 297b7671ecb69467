package train

import (
	"math"
	"sort"
)

// importanceHistory is the number of losses that Importance keeps for each level: Nichol
// & Dhariwal 2021, section 3.3.
const importanceHistory = 10

// Importance is importance sampling of the noise levels: Nichol & Dhariwal 2021,
// arXiv:2102.09672, eq. 18, for any objective that draws uniformly from a list of levels,
//
//	p_t ∝ √E[L_t²],   L = E_{t~p_t}[ L_t/p_t ]
//
// The mean is over the last ten losses of a level; until all levels have as many, the
// distribution is uniform. λ(σ) is that of the objective divided by T·p_t, which leaves the
// expectation unchanged.
type Importance struct {
	Objective  Objective
	levels     []float32 // increasing
	losses     []float32 // [T,importanceHistory], the latest last; NaN where there is none yet
	cumulative []float64 // p_0 + … + p_t, not normalised; nil while the distribution is uniform
}

// NewImportance returns an Objective that draws from increasing levels with probabilities
// learned from Observe.
func NewImportance(of Objective, levels []float32) *Importance {
	o := &Importance{Objective: of, levels: levels, losses: make([]float32, len(levels)*importanceHistory)}
	for i := range o.losses {
		o.losses[i] = float32(math.NaN())
	}
	return o
}

// Sigma implements Objective.
func (o *Importance) Sigma(seed, sample uint64, stream uint32) float32 {
	if o.cumulative == nil {
		return o.levels[uniformIndex(len(o.levels), seed, sample, stream)]
	}
	u := uniform(seed, sample, stream) * o.cumulative[len(o.cumulative)-1]
	return o.levels[min(sort.SearchFloat64s(o.cumulative, u), len(o.levels)-1)]
}

// Lambda implements Objective.
func (o *Importance) Lambda(sigma float32) float64 {
	return o.Objective.Lambda(sigma) / o.relativeProbability(sigma)
}

// relativeProbability returns T·p_t.
func (o *Importance) relativeProbability(sigma float32) float64 {
	if o.cumulative == nil {
		return 1
	}
	t := o.index(sigma)
	p := o.cumulative[t]
	if t > 0 {
		p -= o.cumulative[t-1]
	}
	return p / o.cumulative[len(o.cumulative)-1] * float64(len(o.levels))
}

// index returns the index of the level sigma.
func (o *Importance) index(sigma float32) int {
	i := sort.Search(len(o.levels), func(i int) bool { return o.levels[i] >= sigma })
	return min(i, len(o.levels)-1)
}

// Observe records the loss of a draw, weighted by Lambda. It does not change the
// probabilities until Update, so that all draws of a batch have the same distribution.
func (o *Importance) Observe(sigma float32, loss float64) {
	t := o.index(sigma)
	history := o.losses[t*importanceHistory : (t+1)*importanceHistory]
	copy(history, history[1:])
	history[importanceHistory-1] = float32(loss * o.relativeProbability(sigma))
}

// Update recomputes the probabilities.
func (o *Importance) Update() {
	sum := 0.0
	cumulative := make([]float64, len(o.levels))
	for t := range cumulative {
		squares := 0.0
		for _, l := range o.losses[t*importanceHistory : (t+1)*importanceHistory] {
			squares += float64(l) * float64(l)
		}
		sum += math.Sqrt(squares / importanceHistory)
		cumulative[t] = sum
	}
	if sum > 0 && !math.IsInf(sum, 0) { // false for NaN, while a level lacks losses
		o.cumulative = cumulative
	}
}
