package onnx

import (
	"math"

	"tweedie/core/num"
)

// sinusoid is graph.Sinusoid. It has one input.
type sinusoid struct {
	width int
	flip  bool
	shift float32
}

// sinusoid recognizes the concatenation of sines and cosines of t at the frequencies of
// graph.Sinusoid.
func (b *builder) sinusoid(parts []view, axis int) (view, bool) {
	if len(parts) != 2 || !same(whole(parts[0].of), parts[0]) || !same(whole(parts[1].of), parts[1]) {
		return view{}, false
	}
	angle, _, ok := parts[0].madeBy("sin")
	other, _, cosine := parts[1].madeBy("cos")
	flip := false
	if !ok || !cosine {
		flip = true
		angle, _, ok = parts[0].madeBy("cos")
		other, _, cosine = parts[1].madeBy("sin")
	}
	if !ok || !cosine {
		return view{}, false
	}
	p, ok := angle.of.op.(*binaryOp)
	q, twin := other.of.op.(*binaryOp)
	if !ok || !twin || p.fn != "mul" || q.fn != "mul" || !same(angle, p.out) || !same(other, q.out) {
		return view{}, false
	}
	t, freqs := p.x, p.y
	if t.known() {
		t, freqs = freqs, t
	}
	u, others := q.x, q.y
	if u.known() {
		u, others = others, u
	}
	half := axisSize(parts[0].axes[axis])
	if !freqs.known() || !others.known() || !same(t, u) || len(t.of.dims) != 0 || parts[0].size() != half {
		return view{}, false
	}
	f, g := freqs.numbers(), others.numbers()
	for _, shift := range []float32{0, 1} {
		if half > 1 && frequencies(f, shift) && frequencies(g, shift) {
			shape := parts[0].shape()
			shape[axis] = 2 * half
			scalar := view{of: t.of, off: t.off}
			return b.add(&node{op: sinusoid{2 * half, flip, shift}, in: []view{scalar}}, shape), true
		}
	}
	return view{}, false
}

// frequencies reports whether f are those of kernel.Sinusoid, to four units in the last place
// of float32.
func frequencies(f []float64, shift float32) bool {
	for i, x := range f {
		want := num.Exp(-num.Log(10000) * float64(i) / (float64(len(f)) - float64(shift)))
		if !(math.Abs(x/want-1) <= 8*0x1p-24*(1+10*float64(i)/float64(len(f)))) {
			return false
		}
	}
	return true
}
