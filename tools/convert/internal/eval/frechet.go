package eval

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Gaussian is the normal distribution with the mean and covariance of features.
type Gaussian struct {
	Mean []float64
	Cov  *mat.SymDense // with n−1 in the denominator
}

// FitGaussian returns the Gaussian of the rows of x, at least two.
func FitGaussian(x *mat.Dense) Gaussian {
	n, d := x.Dims()
	g := Gaussian{Mean: make([]float64, d), Cov: mat.NewSymDense(d, nil)}
	for i := range n {
		for j, v := range x.RawRowView(i) {
			g.Mean[j] += v / float64(n)
		}
	}
	stat.CovarianceMatrix(g.Cov, x, nil)
	return g
}

// Frechet returns the squared Fréchet distance of two Gaussians, Heusel et al.
// 2017, arXiv:1706.08500, eq. 6:
//
//	|m − m′|² + Tr(C + C′ − 2(CC′)^½)
//
// CC′ has the eigenvalues of C^½C′C^½, which is symmetric: its root is taken by
// eigen-decomposition. Eigenvalues that rounding made negative count as zero; the
// result is right to about d·√u·(Tr C + Tr C′), u = 2⁻⁵³, and to d·u·(…) where no
// covariance is singular.
func Frechet(a, b Gaussian) float64 {
	sum := 0.0
	for i, m := range a.Mean {
		sum += (m - b.Mean[i]) * (m - b.Mean[i])
	}
	root := sqrtSym(a.Cov)
	var left, product mat.Dense
	left.Mul(root, b.Cov)
	product.Mul(&left, root)
	d := len(a.Mean)
	symmetric := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			symmetric.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
	}
	for _, v := range eigen(symmetric, false).Values(nil) {
		sum -= 2 * math.Sqrt(max(v, 0))
	}
	return max(0, sum+mat.Trace(a.Cov)+mat.Trace(b.Cov))
}

// sqrtSym returns the symmetric square root of a covariance.
func sqrtSym(c *mat.SymDense) *mat.Dense {
	e := eigen(c, true)
	values := e.Values(nil)
	for i, v := range values {
		values[i] = math.Sqrt(max(v, 0))
	}
	var vectors, scaled, root mat.Dense
	e.VectorsTo(&vectors)
	scaled.Mul(&vectors, mat.NewDiagDense(len(values), values))
	root.Mul(&scaled, vectors.T())
	return &root
}

func eigen(c *mat.SymDense, vectors bool) *mat.EigenSym {
	var e mat.EigenSym
	if !e.Factorize(c, vectors) {
		panic("eval: eigen-decomposition of a covariance did not converge")
	}
	return &e
}
