package eval

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// neighbours is k of Kynkäänniemi et al. 2019, which they recommend.
const neighbours = 3

// manifold is a set of features with a ball around each that reaches to its k-th
// neighbour in the set: Kynkäänniemi et al. 2019, arXiv:1904.06991, section 2.
type manifold struct {
	x       *mat.Dense
	squares []float64 // of the rows' lengths
	radii   []float64 // squared
}

// newManifold returns the manifold of more than k rows.
func newManifold(x *mat.Dense, k int) *manifold {
	m := &manifold{x: x, squares: lengths(x)}
	m.radii = make([]float64, len(m.squares))
	nearest := make([]float64, k)
	products(x, x, func(i int, row []float64) {
		for j := range nearest {
			nearest[j] = math.Inf(1)
		}
		for j, p := range row {
			d := distance(m.squares[i], m.squares[j], p)
			if i == j || d >= nearest[k-1] {
				continue
			}
			at, _ := slices.BinarySearch(nearest, d)
			copy(nearest[at+1:], nearest[at:])
			nearest[at] = d
		}
		m.radii[i] = nearest[k-1]
	})
	return m
}

// covers returns the part of y's rows that lie in some ball of m: precision if m
// is of real pictures and y of drawn ones, recall the other way (eq. 1 and 2).
func (m *manifold) covers(y *manifold) float64 {
	inside := 0
	products(y.x, m.x, func(i int, row []float64) {
		for j, p := range row {
			if distance(y.squares[i], m.squares[j], p) <= m.radii[j] {
				inside++
				return
			}
		}
	})
	return float64(inside) / float64(len(y.squares))
}

// lengths returns the squared length of each row.
func lengths(x *mat.Dense) []float64 {
	n, _ := x.Dims()
	out := make([]float64, n)
	for i := range out {
		for _, v := range x.RawRowView(i) {
			out[i] += v * v
		}
	}
	return out
}

// distance returns the squared distance of two points from their squared lengths
// and their product.
func distance(a, b, product float64) float64 { return max(0, a+b-2*product) }
