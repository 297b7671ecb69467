package onnx

import (
	"math"
	"slices"
)

// resized returns the sizes and the factors of a Resize, or of the Upsample of version 9.
func (b *builder) resized(n *nodeProto, in []view, shape []int) (sizes []int, scales []float64) {
	at := 2
	if n.op == "Upsample" || b.opset < 11 {
		at = 1
	}
	axes := counting(len(shape))
	if given := b.attrInts("axes", nil); given != nil {
		axes = nil
		for _, k := range given {
			axes = append(axes, axisOf(k, len(shape)))
		}
	}
	sizes, scales = slices.Clone(shape), make([]float64, len(shape))
	for k := range scales {
		scales[k] = 1
	}
	if w := optional(in, at); w.of != nil && w.known() && w.size() == len(axes) {
		for i, s := range w.numbers() {
			k := axes[i]
			if !(s > 0 && s*float64(shape[k]) <= 1<<20) {
				refuse("has scales %v, need positive ones to at most 2^20 elements", w.numbers())
			}
			sizes[k], scales[k] = int(math.Floor(float64(shape[k])*s)), s
		}
	} else if w := optional(in, 3); w.of != nil && w.size() == len(axes) {
		for i, s := range constants(w) {
			k := axes[i]
			if s < 1 || s > 1<<20 {
				refuse("has sizes %v, need 1 to 2^20", constants(w))
			}
			sizes[k], scales[k] = s, float64(s)/float64(shape[k])
		}
		b.keepRatio(axes, shape, sizes, scales)
	} else {
		refuse("has neither scales nor sizes for the %d axes", len(axes))
	}
	for k, s := range sizes {
		if s < 1 {
			refuse("has a result without elements along axis %d", k)
		}
	}
	return sizes, scales
}

// keepRatio gives axes the same factor, if keep_aspect_ratio_policy says so.
func (b *builder) keepRatio(axes, shape, sizes []int, scales []float64) {
	policy := b.attrString("keep_aspect_ratio_policy", "stretch")
	if policy == "stretch" {
		return
	}
	common := scales[axes[0]]
	for _, k := range axes {
		switch policy {
		case "not_larger":
			common = min(common, scales[k])
		case "not_smaller":
			common = max(common, scales[k])
		default:
			refuse("keep_aspect_ratio_policy is %q, need stretch, not_larger or not_smaller", policy)
		}
	}
	for _, k := range axes {
		sizes[k], scales[k] = int(math.Floor(common*float64(shape[k])+0.5)), common
	}
}

// resizeAxis returns, for every element of the resized axis, the indices of the elements that
// it is computed from, and their weights.
func (b *builder) resizeAxis(mode string, from, to int, scale float64) ([]int, []float32) {
	filtered := b.attrInt("antialias", 0) != 0 && scale < 1
	outside := b.attrInt("exclude_outside", 0) == 0
	filter, radius := triangle, 1.0
	if mode == "cubic" {
		filter, radius = keys(b.attrFloat("cubic_coeff_a", -0.75)), 2
	}
	stretch := 1.0 // of the coordinates of the filter, so that a smaller axis averages
	if filtered {
		stretch = scale
	}
	first := int(math.Floor(-radius/stretch)) + 1
	count := 2 - 2*first
	if count > 1<<12 {
		refuse("averages %d elements for each, need at most 4096", count)
	}
	var index []int
	var weight []float32
	for i := range to {
		x := b.sourceOf(i, from, to, scale)
		if mode == "nearest" {
			index = append(index, min(max(int(b.rounded(x)), 0), from-1))
			continue
		}
		if mode == "linear" && !filtered {
			x = min(max(x, 0), float64(from-1))
		}
		low := int(math.Floor(x))
		weights := make([]float64, count)
		sum := 0.0
		for k := range weights {
			at := low + first + k
			if w := filter((float64(at) - x) * stretch); outside || at >= 0 && at < from {
				weights[k] = w
				sum += w
			}
			index = append(index, min(max(at, 0), from-1))
		}
		for _, w := range weights {
			if filtered || !outside {
				w /= sum
			}
			weight = append(weight, float32(w))
		}
	}
	return index, weight
}

// triangle is the filter of linear interpolation.
func triangle(d float64) float64 { return max(0, 1-math.Abs(d)) }

// keys is the filter of cubic convolution (Keys 1981, equation 15, with the coefficient a).
func keys(a float64) func(float64) float64 {
	return func(d float64) float64 {
		switch d = math.Abs(d); {
		case d <= 1:
			return ((a+2)*d-(a+3))*d*d + 1
		case d < 2:
			return ((a*d-5*a)*d+8*a)*d - 4*a
		}
		return 0
	}
}

// sourceOf returns the coordinate, in an axis of size from, of element i of the axis resized to
// size to.
func (b *builder) sourceOf(i, from, to int, scale float64) float64 {
	mode := b.attrString("coordinate_transformation_mode", "half_pixel")
	if b.node.op == "Upsample" || b.opset < 11 {
		mode = "asymmetric"
	}
	x := float64(i)
	half := (x+0.5)/scale - 0.5
	switch mode {
	case "half_pixel":
		return half
	case "half_pixel_symmetric":
		exact := scale * float64(from)
		return half + float64(from)/2*(1-float64(to)/exact)
	case "pytorch_half_pixel":
		if to == 1 {
			return 0
		}
		return half
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / scale
	case "asymmetric":
		return x / scale
	case "align_corners":
		return x * float64(from-1) / math.Max(1, float64(to-1))
	}
	refuse("coordinate_transformation_mode is %q, need half_pixel, half_pixel_symmetric, pytorch_half_pixel, tf_half_pixel_for_nn, asymmetric or align_corners", mode)
	return 0
}

// rounded returns the element that a coordinate belongs to in mode nearest.
func (b *builder) rounded(x float64) float64 {
	mode := b.attrString("nearest_mode", "round_prefer_floor")
	if b.node.op == "Upsample" || b.opset < 11 {
		mode = "floor"
	}
	switch mode {
	case "floor":
		return math.Floor(x)
	case "ceil":
		return math.Ceil(x)
	case "round_prefer_floor":
		return math.Ceil(x - 0.5)
	case "round_prefer_ceil":
		return math.Floor(x + 0.5)
	}
	refuse("nearest_mode is %q, need floor, ceil, round_prefer_floor or round_prefer_ceil", mode)
	return 0
}
