package onnx

import "slices"

// node is an input, a constant or a computed value, for a batch of one. Its elements are
// indexed by dims, all greater than 1.
type node struct {
	op    op
	dims  []int
	in    []view
	dtype dtype
	label string  // the ONNX node it was built for
	users int     // number of ONNX nodes that read it
	at    *layout // its layout, once it is emitted
}

// view is a selection of a node's elements along other axes, which may be cut, repeated or in
// another order. An axis is a product of atoms, the outermost first; an axis without atoms has
// one element. The first element has index off in the node's dims.
type view struct {
	of   *node
	off  []int
	axes [][]atom
}

// atom runs over size elements along one dim of a node, step apart. With dim −1 it repeats the
// same element.
type atom struct{ size, dim, step int }

const repeated = -1

// maxRank bounds the axes of a value.
const maxRank = 16

// whole returns a view of all of n with one axis per dim.
func whole(n *node) view {
	v := view{of: n, off: make([]int, len(n.dims))}
	for d, size := range n.dims {
		v.axes = append(v.axes, []atom{{size, d, 1}})
	}
	return v.tidy()
}

func axisSize(axis []atom) int {
	n := 1
	for _, a := range axis {
		n *= a.size
	}
	return n
}

func (v view) shape() []int {
	shape := make([]int, len(v.axes))
	for i, axis := range v.axes {
		shape[i] = axisSize(axis)
	}
	return shape
}

func (v view) size() int {
	n := 1
	for _, axis := range v.axes {
		n *= axisSize(axis)
	}
	return n
}

// follows reports whether atoms a and b, a the outer one, can be merged into one.
func follows(a, b atom) bool {
	return a.dim == b.dim && (a.dim == repeated || a.step == b.size*b.step)
}

// appendAtom appends an atom to an axis, and merges it with the last one if possible.
func appendAtom(axis []atom, a atom) []atom {
	if a.size == 1 {
		return axis
	}
	if k := len(axis) - 1; k >= 0 && follows(axis[k], a) {
		axis[k] = atom{axis[k].size * a.size, a.dim, a.step}
		return axis
	}
	return append(axis, a)
}

// tidy returns v with atoms merged within each axis, in new slices.
func (v view) tidy() view {
	out := view{of: v.of, off: slices.Clone(v.off)}
	for _, axis := range v.axes {
		var joined []atom
		for _, a := range axis {
			joined = appendAtom(joined, a)
		}
		out.axes = append(out.axes, joined)
	}
	return out
}

// flat returns the atoms of all axes, merged across axes too.
func (v view) flat() []atom {
	var out []atom
	for _, axis := range v.axes {
		for _, a := range axis {
			out = appendAtom(out, a)
		}
	}
	return out
}

// same reports whether a and b are the same elements in the same order.
func same(a, b view) bool {
	return a.of == b.of && slices.Equal(a.off, b.off) && slices.Equal(a.flat(), b.flat())
}

// complete reports whether v contains every element of its node exactly once.
func (v view) complete() bool {
	n := 1
	for _, d := range v.of.dims {
		n *= d
	}
	for _, a := range v.flat() {
		if a.dim == repeated {
			return false
		}
	}
	return v.size() == n
}

// regroup returns the elements of v, in the same order, with axes of another shape of the same
// size. ok is false if that would need a copy.
func (v view) regroup(shape []int) (out view, ok bool) {
	atoms := v.flat()
	out = view{of: v.of, off: slices.Clone(v.off)}
	for _, need := range shape {
		var axis []atom
		for need > 1 {
			if len(atoms) == 0 {
				return view{}, false
			}
			a := atoms[0]
			switch {
			case need%a.size == 0:
				axis, atoms, need = append(axis, a), atoms[1:], need/a.size
			case a.size%need == 0:
				rest := a.size / need
				axis = append(axis, atom{need, a.dim, a.step * rest})
				atoms[0] = atom{rest, a.dim, a.step}
				need = 1
			default:
				return view{}, false
			}
		}
		out.axes = append(out.axes, axis)
	}
	return out.tidy(), len(atoms) == 0
}

// transposed returns v with its axes permuted.
func (v view) transposed(perm []int) view {
	out := view{of: v.of, off: v.off}
	for _, k := range perm {
		out.axes = append(out.axes, v.axes[k])
	}
	return out.tidy()
}

// cut returns n elements of an axis, at start, start+step, and so on, which must be within the
// axis. ok is false if that would need a copy.
func (v view) cut(axis, start, n, step int) (out view, ok bool) {
	out = v.tidy()
	atoms := out.axes[axis]
	size := axisSize(atoms)
	if start == 0 && n == size && step == 1 {
		return out, true
	}
	if len(atoms) > 1 { // perhaps only the outermost atom is cut
		inner := axisSize(atoms[1:])
		switch {
		case n == 1:
			for rest := size; len(atoms) > 0; atoms = atoms[1:] {
				rest /= atoms[0].size
				out.advance(atoms[0], start/rest)
				start %= rest
			}
			out.axes[axis] = nil
			return out, true
		case step != 1 || start%inner != 0 || n%inner != 0:
			return view{}, false
		}
		start, n = start/inner, n/inner
	}
	if len(atoms) == 0 {
		return out, true
	}
	a := atoms[0]
	out.advance(a, start)
	out.axes[axis] = append([]atom{{n, a.dim, a.step * step}}, atoms[1:]...)
	return out.tidy(), true
}

func (v view) advance(a atom, n int) {
	if a.dim != repeated {
		v.off[a.dim] += n * a.step
	}
}

// expanded returns v broadcast to a shape of at least as many axes. ok is false if the shapes
// do not match.
func (v view) expanded(shape []int) (out view, ok bool) {
	if len(shape) < len(v.axes) {
		return view{}, false
	}
	out = view{of: v.of, off: v.off}
	lead := len(shape) - len(v.axes)
	for i, n := range shape {
		var axis []atom
		if i >= lead {
			axis = v.axes[i-lead]
		}
		switch size := axisSize(axis); {
		case size == n:
		case size == 1:
			axis = []atom{{n, repeated, 0}}
		default:
			return view{}, false
		}
		out.axes = append(out.axes, axis)
	}
	return out.tidy(), true
}

// onto returns dims for a new node that has the elements of v without repetitions, in as few
// dims as possible; v itself with one axis per dim; and a function that returns a view of such
// a node with the axes of v.
func (v view) onto() (dims []int, flat view, back func(*node) view) {
	if v.size() == 0 {
		refuse("has an input of shape %v, need at least one element", v.shape())
	}
	flat = view{of: v.of, off: slices.Clone(v.off)}
	var atoms []atom
	for _, a := range v.flat() {
		if a.dim != repeated {
			atoms = append(atoms, a)
			dims = append(dims, a.size)
			flat.axes = append(flat.axes, []atom{a})
		}
	}
	axes := make([][]atom, len(v.axes))
	at, done := 0, 1 // done elements of atoms[at] are assigned
	for i, axis := range v.axes {
		for _, a := range axis {
			if a.dim == repeated {
				axes[i] = append(axes[i], a)
				continue
			}
			done *= a.size
			axes[i] = append(axes[i], atom{a.size, at, atoms[at].size / done})
			if done == atoms[at].size {
				at, done = at+1, 1
			}
		}
	}
	return dims, flat, func(n *node) view { return view{of: n, off: make([]int, len(n.dims)), axes: axes}.tidy() }
}

// refined splits the axes of several views of the same shape into common atoms. pieces has, for
// every part of every axis, one atom for each view; counts has the number of parts of each
// axis. ok is false if there is no common refinement.
func refined(views ...view) (pieces [][]atom, counts []int, ok bool) {
	for axis := range views[0].axes {
		rest := make([][]atom, len(views))
		for i, v := range views {
			rest[i] = slices.Clone(v.axes[axis])
		}
		count := 0
		for left := axisSize(rest[0]); left > 1; count++ {
			n := left // from the outside, a part is as large as the smallest outer atom
			for i := range rest {
				n = min(n, rest[i][0].size)
			}
			var piece []atom
			for i := range rest {
				a := rest[i][0]
				if a.size%n != 0 {
					return nil, nil, false
				}
				piece = append(piece, atom{n, a.dim, a.step * (a.size / n)})
				if a.size == n {
					rest[i] = rest[i][1:]
				} else {
					rest[i][0].size = a.size / n
				}
			}
			pieces = append(pieces, piece)
			left /= n
		}
		counts = append(counts, count)
	}
	return pieces, counts, true
}
