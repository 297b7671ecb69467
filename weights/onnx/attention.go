package onnx

import (
	"math"
	"slices"
)

// opAttention is softmax(scale·q·kᵀ + mask)·v for inputs [N,heads,L,D] or [N,L,heads·D], with
// fewer heads of keys and values than of queries if groups share them.
func opAttention(b *builder, n *nodeProto, in []view) []view {
	for i, what := range map[int]string{4: "past_key", 5: "past_value"} {
		if optional(in, i).of != nil {
			refuse("has %s, need the whole sequence at once", what)
		}
	}
	if b.attrFloat("softcap", 0) != 0 || b.attrInt("qk_matmul_output_mode", 0) != 0 || len(n.outputs) > 1 {
		refuse("has softcap or further outputs, need neither")
	}
	flat := len(in[0].axes) == 3
	q, k, v := b.heads(in[0], "q_num_heads"), b.heads(in[1], "kv_num_heads"), b.heads(in[2], "kv_num_heads")
	s, t := q.shape(), k.shape()
	if t[1] < 1 || s[1]%t[1] != 0 || v.shape()[1] != t[1] {
		refuse("has %d heads of queries for %d of keys and %d of values, need a multiple", s[1], t[1], v.shape()[1])
	}
	k, v = b.shared(k, s[1]), b.shared(v, s[1])
	matmul := func(x, y view) view { return opMatMul(b, n, []view{x, y})[0] }
	scores := b.unary(matmul(q, k.transposed([]int{0, 1, 3, 2})), "affine", b.attrFloat("scale", 1/math.Sqrt(float64(s[3]))), 0)
	const hidden = -1e9 // of a score that the mask excludes
	if b.attrInt("is_causal", 0) != 0 {
		causal := make([]float64, s[2]*t[2])
		for i := range causal {
			if i%t[2] > i/t[2] {
				causal[i] = hidden
			}
		}
		scores = b.binary("add", scores, b.constant([]int{s[2], t[2]}, float, causal))
	}
	if mask := optional(in, 3); mask.of != nil {
		if mask.of.dtype == boolean {
			mask = b.unary(mask, "affine", -hidden, hidden)
		}
		scores = b.binary("add", scores, mask)
	}
	out := matmul(b.softmaxOf(scores, 3), v)
	if flat {
		out = b.reshaped(out.transposed([]int{0, 2, 1, 3}), []int{s[0], s[2], s[1] * v.shape()[3]})
	}
	return []view{out}
}

// heads returns x [N,heads,L,D], or x [N,L,heads·D] as that.
func (b *builder) heads(x view, attribute string) view {
	s, count := x.shape(), b.attrInt(attribute, 0)
	switch {
	case len(s) == 4:
		return x
	case len(s) != 3 || count < 1 || s[2]%count != 0:
		refuse("has an input of shape %v in %d heads, need [N,heads,L,D] or [N,L,heads·D]", s, count)
	}
	return b.reshaped(x, []int{s[0], s[1], count, s[2] / count}).transposed([]int{0, 2, 1, 3})
}

// shared repeats the heads of x [N,heads,L,D], each for a group of queries.
func (b *builder) shared(x view, heads int) view {
	s := x.shape()
	if s[1] == heads {
		return x
	}
	x.axes = slices.Insert(slices.Clone(x.axes), 2, []atom(nil))
	return b.reshaped(b.expanded(x, []int{s[0], s[1], heads / s[1], s[2], s[3]}), []int{s[0], heads, s[2], s[3]})
}
