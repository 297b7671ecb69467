package quantize

import (
	"cmp"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	"tweedie/core/kernel"
	"tweedie/core/quant"
)

// blockCols bounds the columns whose errors compensate each other: the cost of a Cholesky
// factor grows with the third power of it.
const blockCols = 576

// damping is added to the diagonal of the moments, relative to its mean.
const damping = 0.01

// grid is the set of values that weights are rounded to: the scale of element i of the matrix,
// and the range of codes.
type grid struct {
	scale     func(i int) float32
	low, high float64
}

// code returns the code nearest to v at this scale, and its value.
func (g *grid) code(v float64, scale float32) (code int8, value float64) {
	if scale == 0 {
		return 0, 0
	}
	q := max(g.low, min(g.high, math.RoundToEven(v/float64(scale))))
	return int8(q), q * float64(scale)
}

// nearest rounds every weight independently.
func (g *grid) nearest(w []float32) []int8 {
	codes := make([]int8, len(w))
	for i, v := range w {
		codes[i], _ = g.code(float64(v), g.scale(i))
	}
	return codes
}

// feedback rounds w, [rows, cols], so that the layer's outputs on inputs change little: for d =
// w − ŵ of a row it keeps dᵀHd small, where H = XᵀX/count are the second moments of the inputs.
//
// With H = UᵀU, dᵀHd is the sum of squares of Ud. From the last column to the first, each
// weight is rounded to minimize its own square, given those after it. This is GPTQ's order and
// result, without an inverse. Columns with large moments are rounded first.
func (g *grid) feedback(w []float32, cols int, in inputs) []int8 {
	codes := make([]int8, len(w))
	for low, high := range blocks(cols) {
		g.block(codes, w, cols, low, moments(in.columns(low, high), in.count, high-low))
	}
	return codes
}

// blocks yields the ranges of columns that are rounded together.
func blocks(cols int) iter.Seq2[int, int] {
	return func(yield func(low, high int) bool) {
		n := (cols + blockCols - 1) / blockCols
		for b := range n {
			if !yield(cols*b/n, cols*(b+1)/n) {
				return
			}
		}
	}
}

// block rounds the columns from low on, whose moments are h, [n,n].
func (g *grid) block(codes []int8, w []float32, cols, low int, h []float64) {
	n := int(math.Sqrt(float64(len(h))))
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(h[a*n+a], h[b*n+b]) })
	u := make([]float64, n*n)
	for i, a := range order {
		for j, b := range order {
			u[i*n+j] = h[a*n+b]
		}
	}
	cholesky(u, n)
	var wait sync.WaitGroup
	rows, threads := len(w)/cols, runtime.GOMAXPROCS(0)
	for k := range threads {
		wait.Go(func() {
			d := make([]float64, n)
			for r := rows * k / threads; r < rows*(k+1)/threads; r++ {
				for j := n - 1; j >= 0; j-- {
					row := u[j*n : (j+1)*n]
					sum := 0.0
					for i := j + 1; i < n; i++ {
						sum += float64(row[i] * d[i])
					}
					i := r*cols + low + order[j]
					v := float64(w[i])
					code, value := g.code(v+sum/row[j], g.scale(i))
					codes[i], d[j] = code, v-value
				}
			}
		})
	}
	wait.Wait()
}

// moments returns the damped second moments of the columns of x, [count,n].
func moments(x []float32, count, n int) []float64 {
	xt := make([]float32, count*n)
	for i := range count {
		for j, v := range x[i*n : (i+1)*n] {
			xt[j*count+i] = v
		}
	}
	b := kernel.NewPacked(count, n)
	b.Pack(quant.Numbers{Float: x}, 1, count, kernel.Strides{Channel: n, Column: 1})
	y := make([]float32, n*n)
	g := kernel.Window{H: n, W: 1, C: count, Size: 1, Stride: 1}.Gather(1)
	kernel.MatMul(y, xt, g, b, nil, nil, make([]float32, b.Scratch()), kernel.Exact)
	h := make([]float64, n*n)
	mean := 0.0
	for i := range n {
		for j := range n {
			h[i*n+j] = float64(y[i*n+j]) / float64(count)
		}
		mean += h[i*n+i] / float64(n)
	}
	for i := range n {
		h[i*n+i] += damping*mean + math.SmallestNonzeroFloat32
	}
	return h
}

// cholesky replaces the symmetric positive definite matrix a, [n,n], by the upper triangular U
// with UᵀU = a. The elements below the diagonal are not changed.
func cholesky(a []float64, n int) {
	for j := range n {
		row := a[j*n : (j+1)*n]
		root := math.Sqrt(max(row[j], 0))
		for i := j; i < n; i++ {
			row[i] /= root
		}
		for k := j + 1; k < n; k++ {
			f, next := row[k], a[k*n:(k+1)*n]
			for i := k; i < n; i++ {
				next[i] -= float64(f * row[i])
			}
		}
	}
}
