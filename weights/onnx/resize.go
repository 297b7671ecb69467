package onnx

import (
	"slices"

	"tweedie/core/graph"
)

// taps computes elements along a dim as weighted sums of others, as graph.Taps does. The input
// has one axis per dim.
type taps struct {
	dim, count int
	index      []int
	weight     []float32
}

// upsample doubles the height and width of an image [C,H,W] by repeating pixels.
type upsample struct{}

// pool is graph.AveragePool of an image [C,H,W].
type pool struct{ graph.AveragePool }

// weightedSums computes the elements along an axis as sums of count others.
func (b *builder) weightedSums(v view, axis, count int, index []int, weight []float32) view {
	shape := v.shape()
	if len(index) == count {
		return b.weightedSum(v, axis, index, weight)
	}
	if shape[axis] == 1 {
		sums := make([]float64, len(index)/count)
		for i, from := range index {
			if from >= 0 {
				sums[i/count] += weightAt(weight, i)
			}
		}
		tall := slices.Repeat([]int{1}, len(shape))
		tall[axis] = len(sums)
		return b.binary("mul", v, b.constant(tall, float, sums))
	}
	o := taps{count: count, index: index, weight: weight}
	in := view{of: v.of, off: v.off}
	for k, a := range v.axes {
		if k == axis {
			o.dim = len(in.axes)
		}
		if len(a) > 0 {
			in.axes = append(in.axes, a)
		}
	}
	shape[axis] = len(index) / count
	return b.add(&node{op: o, in: []view{in}, dtype: v.of.dtype}, shape)
}

// weightedSum computes the one element along an axis that is a sum of others.
func (b *builder) weightedSum(v view, axis int, index []int, weight []float32) view {
	var from []int
	var weights []float64
	for i, k := range index {
		if k >= 0 {
			from, weights = append(from, k), append(weights, weightAt(weight, i))
		}
	}
	if from == nil {
		refuse("computes an element along axis %d of shape %v from nothing", axis, v.shape())
	}
	tall := slices.Repeat([]int{1}, len(v.axes))
	tall[axis] = len(weights)
	terms := b.binary("mul", b.gathered(v, axis, from), b.constant(tall, float, weights))
	return b.reduced(terms, "sum", []int{axis})
}

// weightAt returns weight i; without weights all are 1.
func weightAt(weight []float32, i int) float64 {
	if weight == nil {
		return 1
	}
	return float64(weight[i])
}

// opResize resizes axes by "nearest", "linear" or "cubic", one after another.
func opResize(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	shape := v.shape()
	sizes, scales := b.resized(n, in, shape)
	mode := b.attrString("mode", "nearest")
	if mode != "nearest" && mode != "linear" && mode != "cubic" {
		refuse("mode is %q, need nearest, linear or cubic", mode)
	}
	tables := make([][]int, len(shape))
	weights := make([][]float32, len(shape))
	doubled := mode == "nearest" && len(shape) == 4 && sizes[0] == 1 && sizes[1] == shape[1]
	for k := range shape {
		if sizes[k] == shape[k] && scales[k] == 1 {
			continue
		}
		tables[k], weights[k] = b.resizeAxis(mode, shape[k], sizes[k], scales[k])
	}
	for k := max(0, len(shape)-2); k < len(shape); k++ {
		doubled = doubled && len(tables[k]) == 2*shape[k]
		for i, from := range tables[k] {
			doubled = doubled && from == i/2
		}
	}
	if doubled {
		image := view{of: v.of, off: v.off, axes: v.axes[1:]}
		return []view{unimage(b.add(&node{op: upsample{}, in: []view{image}, dtype: v.of.dtype}, sizes[1:]), 2)}
	}
	for k, index := range tables {
		if index != nil {
			v = b.weightedSums(v, k, len(index)/sizes[k], index, weights[k])
		}
	}
	return []view{v}
}

// opPad pads by a number, by repeating the border, by wrapping around or by reflection.
func opPad(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	pads, value := b.attrInts("pads", nil), b.attrFloat("value", 0)
	if w := optional(in, 1); w.of != nil {
		pads = constants(w)
	}
	if w := optional(in, 2); w.of != nil {
		value = constantOf(w)
	}
	rank := len(v.axes)
	axes := make([]int, 0, rank)
	for k := range rank {
		axes = append(axes, k)
	}
	if w := optional(in, 3); w.of != nil {
		axes = constants(w)
	}
	if len(pads) != 2*len(axes) {
		refuse("has pads %v, need two for each of %d axes", pads, len(axes))
	}
	before, after := make([]int, rank), make([]int, rank)
	for i, a := range axes {
		k := axisOf(a, rank)
		before[k], after[k] = pads[i], pads[len(axes)+i]
		if !within(before[k], -1<<16, 1<<16) || !within(after[k], -1<<16, 1<<16) {
			refuse("has pads %v, need at most 65536", pads)
		}
	}
	mode := b.attrString("mode", "constant")
	if mode == "constant" {
		if value != 0 {
			v = b.unary(v, "affine", 1, -value)
		}
		return []view{b.unary(b.padded(v, before, after, make([]int, rank)), "affine", 1, value)}
	}
	for k, size := range v.shape() {
		if before[k] != 0 || after[k] != 0 {
			v = b.weightedSums(v, k, 1, around(mode, size, before[k], after[k]), nil)
		}
	}
	return []view{v}
}

// around returns the index of the element, of size, at each place of an axis that is padded by
// repeating elements.
func around(mode string, size, before, after int) []int {
	var index []int
	for i := -before; i < size+after; i++ {
		at := i
		switch {
		case i >= 0 && i < size:
		case size == 0:
			refuse("pads an axis without elements by mode %q", mode)
		case mode == "edge":
			at = min(max(i, 0), size-1)
		case mode == "wrap":
			at = ((i % size) + size) % size
		case mode == "reflect" && size > 1:
			period := 2*size - 2
			if at = ((i % period) + period) % period; at >= size {
				at = period - at
			}
		default:
			refuse("mode is %q on %d elements, need constant, edge, wrap or reflect", mode, size)
		}
		index = append(index, at)
	}
	return index
}

// poolingOf returns the operation of a square window.
func poolingOf(w window) pool {
	return pool{graph.AveragePool{Size: w.size[0], Stride: w.stride[0], Before: w.before[0], After: w.after[0]}}
}
