package onnx

import (
	"math"
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
	o := taps{count: count, index: index, weight: weight}
	if shape[axis] == 1 || len(index) == count {
		refuse("resizes shape %v to or from one element along axis %d, which is not supported", shape, axis)
	}
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

// opResize resizes axes by "nearest" or "linear", one after another.
func opResize(b *builder, n *nodeProto, in []view) []view {
	v := in[0]
	shape := v.shape()
	sizes, scales := b.resized(n, in, shape)
	mode := b.attrString("mode", "nearest")
	if b.attrInt("antialias", 0) != 0 || mode != "nearest" && mode != "linear" {
		refuse("mode is %q with antialias %d, need nearest or linear without antialias", mode, b.attrInt("antialias", 0))
	}
	tables := make([][]int, len(shape))
	weights := make([][]float32, len(shape))
	doubled := mode == "nearest" && len(shape) == 4 && sizes[0] == 1 && sizes[1] == shape[1]
	for k := range shape {
		if sizes[k] == shape[k] && scales[k] == 1 {
			continue
		}
		if shape[k] == 1 {
			refuse("resizes shape %v to %v, need more than one element along resized axes", shape, sizes)
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

// resized returns the sizes and the factors of a Resize, or of the Upsample of version 9.
func (b *builder) resized(n *nodeProto, in []view, shape []int) (sizes []int, scales []float64) {
	at := 2
	if n.op == "Upsample" || b.opset < 11 {
		at = 1
	}
	sizes, scales = slices.Clone(shape), make([]float64, len(shape))
	if w := optional(in, at); w.of != nil && w.known() && w.size() == len(shape) {
		scales = w.numbers()
		for k, s := range scales {
			if !(s > 0 && s*float64(shape[k]) <= 1<<20) {
				refuse("has scales %v, need positive ones to at most 2^20 elements", scales)
			}
			sizes[k] = int(math.Floor(float64(shape[k]) * s))
		}
	} else if w := optional(in, 3); w.of != nil && w.size() == len(shape) {
		sizes = constants(w)
		for k, s := range sizes {
			if s < 1 || s > 1<<20 {
				refuse("has sizes %v, need 1 to 2^20", sizes)
			}
			scales[k] = float64(s) / float64(shape[k])
		}
	} else {
		refuse("has neither scales nor sizes for the %d axes", len(shape))
	}
	for k, s := range sizes {
		if s < 1 {
			refuse("has a result without elements along axis %d", k)
		}
	}
	return sizes, scales
}

// resizeAxis returns, for every element of the resized axis, the indices of the elements that
// it is computed from, and their weights.
func (b *builder) resizeAxis(mode string, from, to int, scale float64) ([]int, []float32) {
	at := b.attrString("coordinate_transformation_mode", "half_pixel")
	if b.node.op == "Upsample" {
		at = "asymmetric"
	}
	round := b.attrString("nearest_mode", "round_prefer_floor")
	if b.node.op == "Upsample" {
		round = "floor"
	}
	var index []int
	var weight []float32
	for i := range to {
		x := float64(i)
		switch at {
		case "half_pixel":
			x = (x+0.5)/scale - 0.5
		case "pytorch_half_pixel":
			if x = (x+0.5)/scale - 0.5; to == 1 {
				x = 0
			}
		case "asymmetric":
			x /= scale
		case "align_corners":
			x *= float64(from-1) / math.Max(1, float64(to-1))
		default:
			refuse("coordinate_transformation_mode is %q, need half_pixel, pytorch_half_pixel, asymmetric or align_corners", at)
		}
		if mode == "nearest" {
			switch round {
			case "floor":
				x = math.Floor(x)
			case "ceil":
				x = math.Ceil(x)
			case "round_prefer_floor":
				x = math.Ceil(x - 0.5)
			case "round_prefer_ceil":
				x = math.Floor(x + 0.5)
			default:
				refuse("nearest_mode is %q, need floor, ceil, round_prefer_floor or round_prefer_ceil", round)
			}
			index = append(index, min(max(int(x), 0), from-1))
			continue
		}
		x = min(max(x, 0), float64(from-1))
		low := min(int(x), from-1)
		part := float32(x - float64(low))
		index = append(index, low, min(low+1, from-1))
		weight = append(weight, 1-part, part)
	}
	return index, weight
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
