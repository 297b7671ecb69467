package kernel

// MaxAxes is the maximum number of axes of a View.
const MaxAxes = 8

// View is a strided view of an array. The element with index i has position
// Offset + Σ i[k]·Steps[k]; the last axis varies fastest. A step of 0 repeats elements, a
// negative step reverses an axis.
type View struct {
	Offset int
	Shape  []int
	Steps  []int // one for each axis of Shape, at most MaxAxes
}

// Copy writes the elements of the view of x to y, in order. It panics if the view reads
// outside x, or if y is too short.
func (w View) Copy(y, x []float32) {
	w.rows(nil, func(at, from, _ int, n, step, _ int) {
		if step == 1 {
			copy(y[at:at+n], x[from:from+n])
			return
		}
		for j := range n {
			y[at+j] = x[from+j*step]
		}
	})
}

// Binary writes f of the elements of two views to y, in order: w is the view of a; the view
// of b has the same shape, the steps other and offset 0. It panics if a view reads outside
// its array.
func (w View) Binary(y, a, b []float32, other []int, f func(a, b float32) float32) {
	w.rows(other, func(at, i, j int, n, p, q int) {
		for k := range n {
			y[at+k] = f(a[i+k*p], b[j+k*q])
		}
	})
}

// rows calls f for every row along the last axis, with its position at in the result, its
// first positions i and j in the two arrays, its length n, and the steps p and q of the
// two arrays along it.
func (w View) rows(other []int, f func(at, i, j, n, p, q int)) {
	last := len(w.Shape) - 1
	if last < 0 {
		f(0, w.Offset, 0, 1, 1, 1)
		return
	}
	step := func(axis int) int {
		if other == nil {
			return 0
		}
		return other[axis]
	}
	var index [MaxAxes]int
	n := w.Shape[last]
	at, i, j := 0, w.Offset, 0
	for {
		f(at, i, j, n, w.Steps[last], step(last))
		at += n
		axis := last - 1
		for ; axis >= 0; axis-- {
			index[axis]++
			i += w.Steps[axis]
			j += step(axis)
			if index[axis] < w.Shape[axis] {
				break
			}
			i -= w.Shape[axis] * w.Steps[axis]
			j -= w.Shape[axis] * step(axis)
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}
