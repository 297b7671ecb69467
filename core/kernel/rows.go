package kernel

import "math"

// SoftmaxScratch returns the length of SoftmaxRows' scratch for rows of n numbers.
func SoftmaxScratch(n int) int { return (n + 15) &^ 15 }

// SoftmaxRows writes the softmax of every row of x [rows,n] to y: with m the largest
// number of the row, num.Exp32(x − m) times the reciprocal of their sum, which is computed
// in 16 virtual lanes. y may be x. It panics unless the lengths match and scratch has
// length SoftmaxScratch(n) or more.
func SoftmaxRows(y, x, scratch []float32, n int) {
	if n <= 0 || len(y) != len(x) || len(x)%n != 0 {
		panic("kernel: SoftmaxRows: x and y must both be [rows,n]")
	}
	row := scratch[:SoftmaxScratch(n)]
	for at := 0; at < len(x); at += n {
		copy(row, x[at:at+n])
		for j := n; j < len(row); j++ {
			row[j] = float32(math.Inf(-1))
		}
		Scale(y[at:at+n], row[:n], 1/softmaxFast(row, 1))
	}
}

// BatchScratch returns the length of BatchMatMul's scratch.
func BatchScratch(k, n int) int { return k * ((n + 15) &^ 15) }

// BatchMatMul writes the products of matrices a [batch,m,k] and b [batch,k,n] to
// y [batch,m,n]. Each output is summed over k in order, and products are rounded before
// they are added. It panics unless the lengths match and scratch has length
// BatchScratch(k, n) or more.
func BatchMatMul(y, a, b, scratch []float32, batch, m, k, n int) {
	if len(a) != batch*m*k || len(b) != batch*k*n || len(y) != batch*m*n {
		panic("kernel: BatchMatMul: lengths must match the shape")
	}
	right := operand{k: k, n: n, data: scratch[:BatchScratch(k, n)]}
	for i := range batch {
		right.pack(b[i*k*n:], n, &tiles)
		right.times(y[i*m*n:], n, a[i*m*k:], k, m, Exact, &tiles)
	}
}
