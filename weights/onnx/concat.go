package onnx

import "slices"

// concat concatenates its inputs along an axis. Its dims are its axes of more than one element;
// dim is that of the axis.
type concat struct {
	axis, dim int
	parts     []view
}

// concatenated concatenates values along an axis.
func (b *builder) concatenated(parts []view, axis int) view {
	first := parts[0]
	parts = slices.DeleteFunc(slices.Clone(parts), func(v view) bool { return v.shape()[axis] == 0 })
	if len(parts) == 0 {
		return first
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if !slices.ContainsFunc(parts, func(v view) bool { return !v.known() }) {
		return b.concatenatedConstants(parts, axis)
	}
	if out, ok := b.sinusoid(parts, axis); ok {
		return out
	}
	shape := slices.Clone(parts[0].shape())
	shape[axis] = 0
	for _, v := range parts {
		shape[axis] += v.shape()[axis]
	}
	o := concat{axis: axis, parts: parts}
	for _, size := range shape[:axis] {
		if size > 1 {
			o.dim++
		}
	}
	return b.add(&node{op: o, in: parts}, shape)
}

func (b *builder) concatenatedConstants(parts []view, axis int) view {
	shape := slices.Clone(parts[0].shape())
	outer := 1
	for _, n := range shape[:axis] {
		outer *= n
	}
	shape[axis] = 0
	t := dtype(0)
	for _, v := range parts {
		shape[axis] += v.shape()[axis]
		t = v.of.dtype
	}
	return b.computed(shape, t, func() []float64 {
		rows := make([][]float64, outer)
		for _, v := range parts {
			all := v.numbers()
			for r := range rows {
				rows[r] = append(rows[r], all[r*len(all)/outer:(r+1)*len(all)/outer]...)
			}
		}
		return slices.Concat(rows...)
	}, parts...)
}

// part returns v, a view of the concatenation, as one of the inputs if it is exactly that.
func (o concat) part(v view) view {
	whole, at := whole(v.of), 0
	if len(v.flat()) != len(whole.flat()) {
		return v
	}
	for _, p := range o.parts {
		size := p.shape()[o.axis]
		if v.off[o.dim] == at {
			cut, ok := whole.cut(o.dim, at, size, 1)
			if ok && same(cut, v) {
				out, ok := p.regroup(v.shape())
				if ok {
					return out
				}
			}
		}
		at += size
	}
	return v
}
