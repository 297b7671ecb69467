package kernel

import "math"

// InstanceNormPlus writes the conditional instance normalization ++ (Song & Ermon 2019,
// arXiv:1907.05600, appendix A) of one image x [HW,C] to y. As in the authors' program,
// γ multiplies the second term too:
//
//	y_c = γ_c·((x_c − μ_c)/√(var_c + Eps) + α_c·(μ_c − m)/√(v + Eps)) + β_c
//
// μ and var are the mean and the (biased) variance of a channel over its positions,
// m and v the mean and the (unbiased) variance of the C means, which plain instance
// normalization discards. params [3C] holds γ, α and β, one after another. The statistics
// are written to stats [3C]. y may be x. n.C must be at least 2; n.Groups and n.SiLU are
// ignored.
//
// The mean and variance of a channel are summed in GroupNorm's order, those of the means
// in order of channels. It panics unless the lengths match n.
func InstanceNormPlus(y, x, params, stats []float32, n Norm) {
	n = n.perChannel(params, stats)
	mean, rstd, shift := thirds(stats)
	gamma, alpha, beta := thirds(params)
	columnMeansFast(mean, x, n)
	standardize(shift, mean, n.Eps)
	for c, s := range shift {
		shift[c] = float32(float32(gamma[c]*alpha[c])*s) + beta[c]
	}
	GroupNorm(y, x, gamma, shift, mean, rstd, n)
}

// InstanceNormPlusBackward adds to dx [HW,C] and dparams [3C] the gradients of
// InstanceNormPlus at x, given the stats that it wrote and the gradient dy [HW,C] of
// its output. It panics unless the lengths match n.
func InstanceNormPlusBackward(dx, dparams, x, params, stats, dy []float32, n Norm) {
	n = n.perChannel(params, stats)
	if len(dparams) != 3*n.C {
		panic("kernel: InstanceNormPlusBackward: dparams must be [3C]")
	}
	mean, rstd, shift := thirds(stats)
	gamma, alpha, _ := thirds(params)
	dgamma, dalpha, dbeta := thirds(dparams)
	work := make([]float32, 3*n.C)
	ofScale, ofShift, unit := thirds(work)
	GroupNormBackward(dx, ofScale, ofShift, x, gamma, shift, mean, rstd, dy, n)

	// shift = γ·α·unit + β, where unit is the standardized mean.
	spread := standardize(unit, mean, n.Eps)
	var sum, product float32
	for c, s := range ofShift {
		dgamma[c] += ofScale[c] + float32(s*alpha[c]*unit[c])
		dalpha[c] += float32(s * gamma[c] * unit[c])
		dbeta[c] += s
		d := float32(s * gamma[c] * alpha[c]) // the gradient of unit[c]
		sum += d
		product += float32(d * unit[c])
		ofShift[c] = d
	}
	sum, product = sum/float32(n.C), product/float32(n.C-1)
	for c, d := range ofShift { // the gradient of every x of the channel
		ofShift[c] = spread * (d - sum - float32(unit[c]*product)) / float32(n.HW)
	}
	addRowsFast(dx, dx, ofShift)
}

// perChannel checks the lengths and returns n with one group per channel.
func (n Norm) perChannel(params, stats []float32) Norm {
	if n.C < 2 || len(params) != 3*n.C || len(stats) != 3*n.C {
		panic("kernel: InstanceNormPlus: C must be at least 2, and params and stats must be [3C]")
	}
	n.Groups, n.SiLU = n.C, false
	return n
}

// thirds divides x into three parts of equal length.
func thirds(x []float32) (a, b, c []float32) {
	n := len(x) / 3
	return x[:n:n], x[n : 2*n : 2*n], x[2*n:]
}

// standardize writes (mean − m)/√(v + eps) to unit, for the mean m and the unbiased
// variance v of the means, and returns 1/√(v + eps).
func standardize(unit, mean []float32, eps float32) float32 {
	var m, v float32
	for _, x := range mean {
		m += x
	}
	m /= float32(len(mean))
	for _, x := range mean {
		v += float32((x - m) * (x - m))
	}
	rstd := 1 / float32(math.Sqrt(float64(v/float32(len(mean)-1)+eps)))
	for c, x := range mean {
		unit[c] = (x - m) * rstd
	}
	return rstd
}

// columnMeansImpls list the implementations of the mean of every channel of x [HW,C],
// summed in GroupNorm's order.
var columnMeansImpls = append([]impl[func(mean, x []float32, n Norm)]{{"ref", true, columnMeansRef}}, columnMeansSIMD...)

var columnMeansFast = fastest(columnMeansImpls)

func columnMeansRef(mean, x []float32, n Norm) {
	for c := range mean {
		mean[c] = columnSum(x[c:], n.C) / float32(n.HW)
	}
}
