package kernel

// MaxAxes is how many axes a Strides walk has at most.
const MaxAxes = 8

// Walk is a way through an array: element Offset + Σ i[k]·Steps[k] for every index
// i of Shape, the last axis first. A step of 0 repeats, one below 0 goes backwards.
type Walk struct {
	Offset int
	Shape  []int
	Steps  []int // as many as Shape, at most MaxAxes
}

// Copy writes the elements of x that w comes by to y, one after another. It panics
// where w leaves x, or if y is too short.
func (w Walk) Copy(y, x []float32) {
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

// Zip writes f(a, b) of the elements that w comes by in a and in b to y, one after
// another; other holds b's steps, and b begins at 0. It panics where a walk leaves its array.
func (w Walk) Zip(y, a, b []float32, other []int, f func(a, b float32) float32) {
	w.rows(other, func(at, i, j int, n, p, q int) {
		for k := range n {
			y[at+k] = f(a[i+k*p], b[j+k*q])
		}
	})
}

// rows calls f for every run along the last axis: where it stands in the result, in
// the first array and in the second, its length, and both steps along it.
func (w Walk) rows(other []int, f func(at, i, j, n, p, q int)) {
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
