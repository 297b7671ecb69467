package kernel

import "math"

// Attn is the shape of multi-head attention over one image: L positions of C channels,
// divided into Heads heads of C/Heads consecutive channels.
type Attn struct{ L, C, Heads int }

// AttentionScratch returns the length of Attention's scratch.
func AttentionScratch(a Attn) int {
	a.check()
	d, l, w := a.padded()
	return d*l + a.L*w + attnRows*l
}

// AttentionBackwardScratch returns the length of AttentionBackward's scratch.
func AttentionBackwardScratch(a Attn) int {
	a.check()
	d, l, w := a.padded()
	return 2*d*l + a.L*w + attnRows*(2*l+w)
}

// Attention writes softmax(q·kᵀ/√d)·v to y for each head (Vaswani et al. 2017,
// arXiv:1706.03762, eq. 1), with d = C/Heads. y and q are [Q,C] for any Q, k and v are
// [L,C]; a head is d consecutive channels. The output bits of a query do not depend on
// the other queries. scratch is overwritten. y may be q.
//
// A score is summed over d in order. With m the largest score of a row, its weights
// are num.Exp32((score − m)·(1/√d)). The weights are summed in 16 virtual lanes, position
// j in lane j mod 16. The weighted sum of v runs over the positions in order and is then
// multiplied by the reciprocal of the sum of weights. Fast applies to the sums of
// products.
//
// It panics unless the lengths match a and scratch has length AttentionScratch(a) or more.
func Attention(y, q, k, v, scratch []float32, a Attn, mode Arithmetic) {
	a.check(k, v)
	if len(y) != len(q) || len(q)%a.C != 0 {
		panic("kernel: Attention: y and q must both be [Q,C]")
	}
	if len(scratch) < AttentionScratch(a) {
		panic("kernel: Attention: scratch is too short")
	}
	attentionFast(y, q, k, v, scratch, a, mode)
}

// AttentionBackward adds to dq, dk, dv [L,C] the gradients of Attention at q, k,
// v, given the gradient dy of its output. scratch is overwritten. It panics unless the
// lengths match a and scratch has length AttentionBackwardScratch(a) or more.
func AttentionBackward(dq, dk, dv, q, k, v, dy, scratch []float32, a Attn) {
	a.check(dq, dk, dv, q, k, v, dy)
	if len(scratch) < AttentionBackwardScratch(a) {
		panic("kernel: AttentionBackward: scratch is too short")
	}
	attentionBackwardFast.of(attentionBackwardImpls)(dq, dk, dv, q, k, v, dy, scratch, a)
}

func (a Attn) check(xs ...[]float32) {
	if a.L <= 0 || a.C <= 0 || a.Heads <= 0 || a.C%a.Heads != 0 {
		panic("kernel: Attention: C must be a positive multiple of Heads, and L positive")
	}
	for _, x := range xs {
		if len(x) != a.L*a.C {
			panic("kernel: Attention: arguments must be [L,C]")
		}
	}
}

// padded returns the width d of a head, and L and d rounded up to a multiple of 16,
// which every vector width divides.
func (a Attn) padded() (d, l, w int) {
	d = a.C / a.Heads
	return d, (a.L + 15) &^ 15, (d + 15) &^ 15
}

// scale is the factor 1/√d of the scores.
func (a Attn) scale() float32 {
	return float32(1 / math.Sqrt(float64(a.C/a.Heads)))
}

type (
	attentionFunc         = func(y, q, k, v, scratch []float32, a Attn, mode Arithmetic)
	attentionBackwardFunc = func(dq, dk, dv, q, k, v, dy, scratch []float32, a Attn)
)

// attentionImpls and attentionBackwardImpls list every implementation in this
// build, the reference first, the fastest tiles last.
var attentionImpls = append([]impl[attentionFunc]{{"ref", true, attentionRef}},
	onTiles(attentionTiled)...)

var attentionFast = fastest(attentionImpls)

// onTiles lists the implementations of a kernel on all sets of tiles. The one on the
// first set, the reference, is slower than the kernel's own reference.
func onTiles[F any](on func(*tileSet) F) []impl[F] {
	var out []impl[F]
	for i := range tileSets {
		out = append(out, impl[F]{"tiles-" + tileSets[i].name, i > 0, on(&tileSets[i])})
	}
	return out
}

var attentionBackwardFast lazy[attentionBackwardFunc]

func attentionBackwardImpls() []impl[attentionBackwardFunc] {
	return append([]impl[attentionBackwardFunc]{{"ref", true, attentionBackwardRef}}, onTiles(attentionBackwardTiled)...)
}
