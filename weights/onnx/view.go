package onnx

import "slices"

// node is something that is computed, given or known, for a batch of one. Its
// numbers lie along dims; axes of one element are not among them.
type node struct {
	op    op
	dims  []int
	in    []view
	dtype dtype
	label string  // the ONNX node it comes from
	users int     // ONNX nodes that read it
	at    *placed // once it is placed
}

// view is a node's numbers along other axes: cut, repeated, in another order. An
// axis is a product of atoms, the first the outermost; one without atoms has one
// element. Element zero stands at index off of the node's dims.
type view struct {
	of   *node
	off  []int
	axes [][]atom
}

// atom walks size elements along one dim of a node, step apart; dim −1 repeats.
type atom struct{ size, dim, step int }

const repeated = -1

// maxRank bounds the axes of a value.
const maxRank = 16

// whole returns n with one axis a dim.
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

// follows reports whether b's steps continue a's: a walk over both is one.
func follows(a, b atom) bool {
	return a.dim == b.dim && (a.dim == repeated || a.step == b.size*b.step)
}

// appendAtom adds an atom to the walk of an axis, joined with the last where it can be.
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

// tidy returns v with atoms joined within each axis, in new slices.
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

// flat returns the atoms of all axes, joined across them too.
func (v view) flat() []atom {
	var out []atom
	for _, axis := range v.axes {
		for _, a := range axis {
			out = appendAtom(out, a)
		}
	}
	return out
}

// same reports whether a and b are the same numbers in the same order.
func same(a, b view) bool {
	return a.of == b.of && slices.Equal(a.off, b.off) && slices.Equal(a.flat(), b.flat())
}

// complete reports whether v holds every number of its node exactly once.
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

// regroup returns v with its elements, in order, along axes of another shape of
// the same size; ok is false where that would need a copy.
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

// transposed returns v with its axes in the order of perm.
func (v view) transposed(perm []int) view {
	out := view{of: v.of, off: v.off}
	for _, k := range perm {
		out.axes = append(out.axes, v.axes[k])
	}
	return out.tidy()
}

// cut returns n elements of an axis from start, step apart; ok is false where that
// would need a copy. They lie within the axis.
func (v view) cut(axis, start, n, step int) (out view, ok bool) {
	out = v.tidy()
	atoms := out.axes[axis]
	size := axisSize(atoms)
	if start == 0 && n == size && step == 1 {
		return out, true
	}
	if len(atoms) > 1 { // the outermost atom may be what is cut
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

// expanded returns v repeated to a shape of at least as many axes; ok is false
// where the shapes do not fit.
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

// onto returns fresh dims for the elements of v, as few as it takes, the same
// elements with one axis a dim, and a function from a node of such dims to a view of it
// with the axes of v. Axes that only repeat stay out of the dims.
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
	at, done := 0, 1 // within atoms[at], done elements are dealt out
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

// refined cuts the axes of several views of one shape into common atoms: one slice
// of atoms, one for each view, for every piece of every axis. ok is false where their
// sizes have no common refinement.
func refined(views ...view) (pieces [][]atom, counts []int, ok bool) {
	for axis := range views[0].axes {
		rest := make([][]atom, len(views))
		for i, v := range views {
			rest[i] = slices.Clone(v.axes[axis])
		}
		count := 0
		for left := axisSize(rest[0]); left > 1; count++ {
			n := left // a piece is taken from the outside: it is as large as the smallest first atom
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
