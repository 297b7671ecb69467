package kernel

import "math"

// Norm is the shape of a group normalization (Wu & He 2018, arXiv:1803.08494) of one
// image [HW,C]: the C channels are divided into Groups groups of C/Groups consecutive
// channels, and each group is normalized over its channels and all positions.
type Norm struct {
	HW, C, Groups int
	Eps           float32 // added to the variance
	SiLU          bool    // apply SiLU to the result, in the same pass over memory
}

func (n Norm) check(xs [3][]float32, params [2][]float32, mean, rstd []float32) {
	if n.HW <= 0 || n.C <= 0 || n.Groups <= 0 || n.C%n.Groups != 0 {
		panic("kernel: GroupNorm: C must be a positive multiple of Groups, and HW positive")
	}
	for _, x := range xs {
		if len(x) != n.HW*n.C {
			panic("kernel: GroupNorm: images must be [HW,C]")
		}
	}
	for _, p := range params {
		if len(p) != n.C {
			panic("kernel: GroupNorm: gamma and beta must be [C]")
		}
	}
	if len(mean) != n.Groups || len(rstd) != n.Groups {
		panic("kernel: GroupNorm: mean and rstd must be [Groups]")
	}
}

// GroupNorm normalizes the image x [HW,C] and writes the result to y:
//
//	z = (x − mean)·(rstd·gamma) + beta,   rstd = 1/√(var + Eps)
//
// with the mean and the (biased) variance of each group. y is z, or SiLU(z) if n.SiLU is
// set. gamma and beta are [C]. The statistics are written to mean and rstd [Groups].
// y may be x.
//
// The mean and the variance are computed in two passes. In each, a channel is summed over
// its positions in 4 virtual lanes, position p in lane p mod 4, and the lanes are added as
// (0+2)+(1+3); the sums of a group's channels are then added in order.
//
// It panics unless the lengths match n.
func GroupNorm(y, x, gamma, beta, mean, rstd []float32, n Norm) {
	n.check([3][]float32{y, x, x}, [2][]float32{gamma, beta}, mean, rstd)
	groupNormFast(y, x, gamma, beta, mean, rstd, n)
}

// GroupNormBackward adds to dx [HW,C], dgamma and dbeta [C] the gradients of
// GroupNorm at x, given the mean and rstd that GroupNorm wrote and the gradient
// dy [HW,C] of its output. It panics unless the lengths match n.
func GroupNormBackward(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm) {
	n.check([3][]float32{dx, x, dy}, [2][]float32{gamma, beta}, mean, rstd)
	if len(dgamma) != n.C || len(dbeta) != n.C {
		panic("kernel: GroupNormBackward: dgamma and dbeta must be [C]")
	}
	groupNormBackwardFast.of(groupNormBackwardImpls)(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy, n)
}

// GroupNormAdjoint writes to dx [HW,C] the gradient of GroupNorm at x, given the gradient
// dy [HW,C] of its output. The bits are the same on every machine. scratch has length
// GroupNormAdjointScratch(n) or more. It panics unless the lengths match n.
func GroupNormAdjoint(dx, x, gamma, beta, dy, scratch []float32, n Norm) {
	params, scratch := scratch[:2*n.C], scratch[2*n.C:]
	mean, rstd, dz := scratch[:n.Groups], scratch[n.Groups:2*n.Groups], scratch[2*n.Groups:][:n.HW*n.C]
	n.check([3][]float32{dx, x, dy}, [2][]float32{gamma, beta}, mean, rstd)
	silu := n.SiLU
	n.SiLU = false
	z := dx
	GroupNorm(z, x, gamma, beta, mean, rstd, n)
	if silu {
		SiLU(dz, z)
		for i, y := range dz { // SiLU′(z) = s·(1 + z − SiLU(z)), where s = SiLU(z)/z: needs no second exponential
			s := float32(0.5)
			if z[i] != 0 {
				s = y / z[i]
			}
			dz[i] = dy[i] * float32(s*(1+z[i]-y))
		}
		dy = dz
	}
	clear(dx)
	clear(params)
	groupNormBackwardRef(dx, params[:n.C], params[n.C:], x, gamma, beta, mean, rstd, dy, n)
}

// GroupNormAdjointScratch returns the length of GroupNormAdjoint's scratch.
func GroupNormAdjointScratch(n Norm) int { return 2*(n.Groups+n.C) + n.HW*n.C }

type (
	groupNormFunc         = func(y, x, gamma, beta, mean, rstd []float32, n Norm)
	groupNormBackwardFunc = func(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm)
)

// groupNormImpls and groupNormBackwardImpls list every implementation in this
// build, the reference first and the fastest last.
var groupNormImpls = append([]impl[groupNormFunc]{{"ref", true, groupNormRef}}, groupNormSIMD...)

var groupNormFast = fastest(groupNormImpls)

// count returns the number of elements in a group.
func (n Norm) count() float32 { return float32(n.HW * (n.C / n.Groups)) }

// rstdOf returns 1/√(variance + eps), each step rounded to float32.
func rstdOf(variance, eps float32) float32 {
	return 1 / float32(math.Sqrt(float64(variance+eps)))
}

var groupNormBackwardFast lazy[groupNormBackwardFunc]

func groupNormBackwardImpls() []impl[groupNormBackwardFunc] {
	return append([]impl[groupNormBackwardFunc]{{"ref", true, groupNormBackwardRef}}, groupNormBackwardSIMD()...)
}
