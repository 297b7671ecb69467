package onnx

import "slices"

// The operators that select elements by constant indices, or write them.

// picked returns the elements of v, in a shape, whose indices in row-major order are from.
func (b *builder) picked(v view, from, shape []int) view {
	if len(from) == 0 {
		refuse("selects no elements, need at least one")
	}
	return b.reshaped(b.gathered(b.reshaped(v, []int{v.size()}), 0, from), shape)
}

// indexOf returns index p of an axis, which counts from the end if negative.
func indexOf(p, size int) int {
	if p < -size || p >= size {
		refuse("selects element %d of %d, need one in [%d, %d)", p, size, -size, size)
	}
	return (p + size) % size
}

// scatter writes updates at the elements of data with the indices at, in row-major order, as the
// attribute reduction says.
func (b *builder) scatter(data, updates view, at []int) view {
	if len(at) != updates.size() {
		refuse("writes updates of shape %v to %d elements", updates.shape(), len(at))
	}
	reduction := b.attrString("reduction", "none")
	if reduction == "none" {
		return b.scattered(data, updates, at)
	}
	neutral, ok := map[string]view{
		"add": b.constant(nil, data.of.dtype, []float64{0}), "mul": b.constant(nil, data.of.dtype, []float64{1}), "max": data, "min": data,
	}[reduction]
	if !ok {
		refuse("reduction is %q, need none, add, mul, max or min", reduction)
	}
	out, flat := data, b.reshaped(updates, []int{len(at)})
	for len(at) > 0 { // one update of each element after another
		var now, later, from, rest []int
		seen := map[int]bool{}
		for i, place := range at {
			if seen[place] {
				later, rest = append(later, place), append(rest, i)
			} else {
				now, from = append(now, place), append(from, i)
			}
			seen[place] = true
		}
		spread := b.scattered(b.expanded(neutral, data.shape()), b.gathered(flat, 0, from), now)
		if out = b.binary(reduction, out, spread); rest == nil {
			break
		}
		at, flat = later, b.gathered(flat, 0, rest)
	}
	return out
}

// scattered returns data with some of its elements, given by their indices in row-major order,
// replaced by those of updates. Of two updates of one element the last counts.
func (b *builder) scattered(data, updates view, at []int) view {
	total := data.size()
	from := counting(total) // the element of data, and then of updates, that each result is
	for i, place := range at {
		from[place] = total + i
	}
	both := b.concatenated([]view{b.reshaped(data, []int{total}), b.reshaped(updates, []int{updates.size()})}, 0)
	return b.picked(both, from, data.shape())
}

// blocksAt returns the indices in row-major order of the elements of blocks of a shape: the
// last axis of indices has the leading indices of each.
func blocksAt(indices view, shape []int) (at []int, block []int) {
	s := indices.shape()
	if len(s) == 0 || s[len(s)-1] < 1 || s[len(s)-1] > len(shape) {
		refuse("has indices of shape %v for data of shape %v", s, shape)
	}
	depth := s[len(s)-1]
	block = shape[depth:]
	size := sizeOf(block)
	for index := constants(indices); len(index) > 0; index = index[depth:] {
		place := 0
		for axis := range depth {
			place = place*shape[axis] + indexOf(index[axis], shape[axis])
		}
		for i := range size {
			at = append(at, place*size+i)
		}
		if len(at) > maxTable {
			refuse("selects more than %d elements", maxTable)
		}
	}
	return at, block
}

// maxTable bounds the indices of an operator.
const maxTable = 1 << 22

func opScatterND(b *builder, n *nodeProto, in []view) []view {
	at, _ := blocksAt(in[1], in[0].shape())
	return []view{b.scatter(in[0], in[2], at)}
}

func opGatherND(b *builder, n *nodeProto, in []view) []view {
	if b.attrInt("batch_dims", 0) != 0 {
		refuse("has batch_dims, which are not supported")
	}
	at, block := blocksAt(in[1], in[0].shape())
	s := in[1].shape()
	return []view{b.picked(in[0], at, slices.Concat(s[:len(s)-1], block))}
}

// elementsAt returns the indices in row-major order, in a shape, of the elements that
// GatherElements and ScatterElements address.
func (b *builder) elementsAt(indices view, shape []int) []int {
	s := indices.shape()
	axis := axisOf(b.attrInt("axis", 0), len(shape))
	if len(s) != len(shape) || indices.size() > maxTable {
		refuse("has indices of shape %v for data of shape %v", s, shape)
	}
	steps := rowSteps(shape)
	var at []int
	for i, p := range constants(indices) {
		place := indexOf(p, shape[axis]) * steps[axis]
		for k := len(s) - 1; k >= 0; k-- {
			if k != axis {
				if i%s[k] >= shape[k] {
					refuse("has indices of shape %v for data of shape %v", s, shape)
				}
				place += i % s[k] * steps[k]
			}
			i /= s[k]
		}
		at = append(at, place)
	}
	return at
}

func opGatherElements(b *builder, n *nodeProto, in []view) []view {
	return []view{b.picked(in[0], b.elementsAt(in[1], in[0].shape()), in[1].shape())}
}

func opScatterElements(b *builder, n *nodeProto, in []view) []view {
	return []view{b.scatter(in[0], in[2], b.elementsAt(in[1], in[0].shape()))}
}

// opOneHot compares indices, which may be computed, with 0 to depth−1, and with −depth to −1.
func opOneHot(b *builder, n *nodeProto, in []view) []view {
	depth := 0
	if d := constants(in[1]); len(d) == 1 {
		depth = d[0]
	}
	if !within(depth, 1, 1<<16) || in[2].size() != 2 {
		refuse("has a depth of %d and values of shape %v, need 1 to 65536 and two values", depth, in[2].shape())
	}
	rank := len(in[0].axes)
	axis := axisOf(b.attrInt("axis", -1), rank+1)
	index := in[0]
	index.axes = slices.Insert(slices.Clone(index.axes), axis, []atom(nil))
	tall := slices.Repeat([]int{1}, rank+1)
	tall[axis] = depth
	places, negative := make([]float64, depth), make([]float64, depth)
	for i := range places {
		places[i], negative[i] = float64(i), float64(i-depth)
	}
	hot := b.binary("add", b.binary("equal", index, b.constant(tall, float, places)), b.binary("equal", index, b.constant(tall, float, negative)))
	values := b.reshaped(in[2], []int{2})
	off, on := b.sliced(values, 0, 0, 1, 1), b.sliced(values, 0, 1, 1, 1)
	return []view{b.binary("add", b.binary("mul", hot, b.binary("sub", on, off)), off)}
}

// opTrilu keeps the upper or the lower triangle of matrices.
func opTrilu(b *builder, n *nodeProto, in []view) []view {
	s, k := in[0].shape(), 0
	if v := optional(in, 1); v.of != nil {
		k = clampInt(constantOf(v))
	}
	if len(s) < 2 || s[len(s)-2]*s[len(s)-1] > maxTable {
		refuse("has an input of shape %v, need matrices of at most %d elements", s, maxTable)
	}
	if in[0].size() == 0 {
		return in[:1]
	}
	rows, columns := s[len(s)-2], s[len(s)-1]
	upper := b.attrInt("upper", 1) != 0
	mask := make([]float64, rows*columns)
	for i := range mask {
		beyond := i%columns - i/columns - k
		mask[i] = truth(upper && beyond >= 0 || !upper && beyond <= 0)
	}
	return []view{b.binary("where", b.constant([]int{rows, columns}, boolean, mask), in[0])}
}

// opEyeLike is a matrix of the shape of its input with ones on a diagonal.
func opEyeLike(b *builder, n *nodeProto, in []view) []view {
	s := in[0].shape()
	if len(s) != 2 || in[0].size() > maxTable {
		refuse("has an input of shape %v, need a matrix of at most %d elements", s, maxTable)
	}
	t := in[0].of.dtype
	if n.attributes["dtype"] != nil {
		t = typeOf(b.attrInt("dtype", 1))
	}
	eye := make([]float64, s[0]*s[1])
	for i := range eye {
		eye[i] = truth(i%s[1]-i/s[1] == b.attrInt("k", 0))
	}
	return []view{b.constant(s, t, eye)}
}

// opCumSum adds up the elements along an axis.
func opCumSum(b *builder, n *nodeProto, in []view) []view {
	s := in[0].shape()
	axis := axisOf(clampInt(constantOf(in[1])), len(s))
	size, reverse := s[axis], b.attrInt("reverse", 0) != 0
	if !within(size, 1, 1<<11) {
		refuse("adds up %d elements, need 1 to 2048", size)
	}
	least := b.attrInt("exclusive", 0) // distance of the last element that is added
	var index []int
	var weight []float32
	for i := range size {
		for j := range size {
			distance := i - j
			if reverse {
				distance = -distance
			}
			at := j
			if distance < least {
				at = -1
			}
			index, weight = append(index, at), append(weight, 1)
		}
	}
	if size == 1 {
		return []view{b.unary(in[0], "affine", float64(1-least), 0)}
	}
	return []view{b.weightedSums(in[0], axis, size, index, weight)}
}
