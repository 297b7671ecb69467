package train

import (
	"math"
	"sort"
)

// importanceHistory is how many losses of each level Importance keeps: Nichol &
// Dhariwal 2021, section 3.3.
const importanceHistory = 10

// Importance draws noise levels as often as their loss is large: Nichol & Dhariwal
// 2021, arXiv:2102.09672, eq. 18, on any objective that draws from levels alike,
//
//	p_t ∝ √E[L_t²],   L = E_{t~p_t}[ L_t/p_t ]
//
// with the mean over the last ten losses of a level, and alike until all levels have
// as many. λ(σ) is the objective's divided by T·p_t, so that the sum is what it was.
type Importance struct {
	Of     Objective
	levels []float32 // rising
	losses []float32 // [T,importanceHistory], the latest last; NaN for those still missing
	until  []float64 // p_0 + … + p_t; nil while alike
}

// NewImportance returns an Objective that draws the rising levels as often as Observe
// has found them worth.
func NewImportance(of Objective, levels []float32) *Importance {
	o := &Importance{Of: of, levels: levels, losses: make([]float32, len(levels)*importanceHistory)}
	for i := range o.losses {
		o.losses[i] = float32(math.NaN())
	}
	return o
}

// Sigma implements Objective.
func (o *Importance) Sigma(seed, sample uint64, stream uint32) float32 {
	if o.until == nil {
		return o.levels[uniformIndex(len(o.levels), seed, sample, stream)]
	}
	u := unit(seed, sample, stream) * o.until[len(o.until)-1]
	return o.levels[min(sort.SearchFloat64s(o.until, u), len(o.levels)-1)]
}

// Lambda implements Objective.
func (o *Importance) Lambda(sigma float32) float64 { return o.Of.Lambda(sigma) / o.often(sigma) }

// often returns T·p_t.
func (o *Importance) often(sigma float32) float64 {
	if o.until == nil {
		return 1
	}
	t := o.index(sigma)
	p := o.until[t]
	if t > 0 {
		p -= o.until[t-1]
	}
	return p / o.until[len(o.until)-1] * float64(len(o.levels))
}

// index returns the level that sigma is.
func (o *Importance) index(sigma float32) int {
	i := sort.Search(len(o.levels), func(i int) bool { return o.levels[i] >= sigma })
	return min(i, len(o.levels)-1)
}

// Observe takes the loss of a draw as Lambda weighted it. New probabilities wait for
// Update, so that a batch is drawn by one set of them.
func (o *Importance) Observe(sigma float32, loss float64) {
	t := o.index(sigma)
	kept := o.losses[t*importanceHistory : (t+1)*importanceHistory]
	copy(kept, kept[1:])
	kept[importanceHistory-1] = float32(loss * o.often(sigma))
}

// Update works the probabilities out anew.
func (o *Importance) Update() {
	sum := 0.0
	until := make([]float64, len(o.levels))
	for t := range until {
		squares := 0.0
		for _, l := range o.losses[t*importanceHistory : (t+1)*importanceHistory] {
			squares += float64(l) * float64(l)
		}
		sum += math.Sqrt(squares / importanceHistory)
		until[t] = sum
	}
	if sum > 0 && !math.IsInf(sum, 0) { // a NaN, where a level still lacks losses, is neither
		o.until = until
	}
}
