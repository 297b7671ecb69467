package eval

import "gonum.org/v1/gonum/mat"

// KernelDistance returns the unbiased estimate of the squared maximum mean
// discrepancy between the distributions of the rows of x and y, at least two
// each, under the kernel k(a,b) = (aᵀb/d + 1)³: the "KID" of Bińkowski et al. 2018,
// arXiv:1801.01401, section 3, over all rows at once. Unbiased, it may be negative.
func KernelDistance(x, y *mat.Dense) float64 {
	m, d := x.Dims()
	n, _ := y.Dims()
	sum := func(a, b *mat.Dense, same bool) float64 {
		total := 0.0
		products(a, b, func(i int, row []float64) {
			for j, p := range row {
				if same && i == j {
					continue
				}
				k := p/float64(d) + 1
				total += k * k * k
			}
		})
		return total
	}
	fm, fn := float64(m), float64(n)
	return sum(x, x, true)/(fm*(fm-1)) + sum(y, y, true)/(fn*(fn-1)) - 2*sum(x, y, false)/(fm*fn)
}

// block is how many rows of a product are in memory at once.
const block = 256

// products calls f with every row of a·bᵀ in turn.
func products(a, b *mat.Dense, f func(i int, row []float64)) {
	n, d := a.Dims()
	m, _ := b.Dims()
	out := mat.NewDense(min(block, n), m, nil)
	for from := 0; from < n; from += block {
		to := min(n, from+block)
		part := out.Slice(0, to-from, 0, m).(*mat.Dense)
		part.Mul(a.Slice(from, to, 0, d), b.T())
		for i := from; i < to; i++ {
			f(i, part.RawRowView(i-from))
		}
	}
}
