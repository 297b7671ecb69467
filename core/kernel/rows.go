package kernel

import "math"

// SoftmaxScratch returns how many numbers SoftmaxRows needs for rows of n.
func SoftmaxScratch(n int) int { return (n + 15) &^ 15 }

// SoftmaxRows writes the softmax of every row of x [rows,n] to y: with m the row's
// largest number, num.Exp32(x − m) times the reciprocal of the sum, which runs in 16 virtual lanes.
// y may be x. It panics unless the lengths fit and scratch holds SoftmaxScratch(n).
func SoftmaxRows(y, x, scratch []float32, n int) {
	if n <= 0 || len(y) != len(x) || len(x)%n != 0 {
		panic("kernel: SoftmaxRows: x or y is not made of rows")
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

// BatchScratch returns how many numbers BatchMatMul needs.
func BatchScratch(k, n int) int { return k * ((n + 15) &^ 15) }

// BatchMatMul writes the products of matrices a [batch,m,k] and b [batch,k,n] to
// y [batch,m,n]. Each output sums over k in order, products rounded before they
// are added. It panics unless the lengths fit and scratch holds BatchScratch(k, n).
func BatchMatMul(y, a, b, scratch []float32, batch, m, k, n int) {
	if len(a) != batch*m*k || len(b) != batch*k*n || len(y) != batch*m*n {
		panic("kernel: BatchMatMul: lengths do not fit the shape")
	}
	right := operand{k: k, n: n, data: scratch[:BatchScratch(k, n)]}
	for i := range batch {
		right.pack(b[i*k*n:], n, &tiles)
		right.times(y[i*m*n:], n, a[i*m*k:], k, m, Exact, &tiles)
	}
}
