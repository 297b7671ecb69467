package kernel

import "math"

// A tangent is a derivative along a direction: ẏ = ∂y/∂x·ẋ for the tangent ẋ of x. This
// file has the tangents of the operations that are neither linear nor elementwise. They
// use Exact arithmetic and have one plain implementation each: they cost little compared
// with the matrix products of a network.

// GroupNormTangent writes to dy the tangent of GroupNorm's z at x along dx, given the mean
// and rstd that GroupNorm wrote. With x̂ = (x − mean)·rstd and the mean ⟨·⟩ over a group
//
//	ẏ = gamma·rstd·(ẋ − ⟨ẋ⟩ − x̂·⟨ẋ·x̂⟩)
//
// dy, x and dx are [HW,C]; n.SiLU is ignored. The means are summed in float64, in order.
// It panics unless the lengths match n.
func GroupNormTangent(dy, x, dx, gamma, mean, rstd []float32, n Norm) {
	n.check([3][]float32{dy, x, dx}, [2][]float32{gamma, gamma}, mean, rstd)
	cg, count := n.C/n.Groups, float64(n.count())
	for g, r := range rstd {
		var sum, product float64
		for at := g * cg; at < len(x); at += n.C {
			for i, t := range dx[at : at+cg] {
				sum += float64(t)
				product += float64(float64(t) * float64((x[at+i]-mean[g])*r))
			}
		}
		s, p := float32(sum/count), float32(product/count)
		for at := g * cg; at < len(x); at += n.C {
			for i, t := range dx[at : at+cg] {
				xhat := (x[at+i] - mean[g]) * r
				dy[at+i] = float32(r*gamma[g*cg+i]) * (t - s - float32(xhat*p))
			}
		}
	}
}

// InstanceNormPlusTangent writes to dy the tangent of InstanceNormPlus at x along dx,
// given the stats that it wrote. work [2C] is overwritten. It panics unless the lengths
// match n.
func InstanceNormPlusTangent(dy, x, dx, params, stats, work []float32, n Norm) {
	n = n.perChannel(params, stats)
	mean, rstd, _ := thirds(stats)
	gamma, alpha, _ := thirds(params)
	GroupNormTangent(dy, x, dx, gamma, mean, rstd, n)

	// The contribution of the standardized means is the same at every position.
	unit, along := work[:n.C], work[n.C:2*n.C]
	spread := standardize(unit, mean, n.Eps)
	columnMeansFast(along, dx, n)
	var sum, product float32
	for c, t := range along {
		sum += t
		product += float32(t * unit[c])
	}
	sum, product = sum/float32(n.C), product/float32(n.C-1)
	for c, t := range along {
		along[c] = float32(gamma[c]*alpha[c]) * float32(spread*(t-sum-float32(unit[c]*product)))
	}
	AddRows(dy, dy, along)
}

// AttentionTangentScratch returns the length of AttentionTangent's scratch.
func AttentionTangentScratch(a Attn) int {
	a.check()
	d, l, _ := a.padded()
	return 2*d*l + 2*l
}

// AttentionTangent writes to dy the tangent of Attention at q, k, v along dq, dk, dv:
// with the weights P and Ṡ = (q̇·kᵀ + q·k̇ᵀ)/√d
//
//	Ẏ = P∘(Ṡ − Σⱼ P∘Ṡ)·v + P·v̇
//
// scratch is overwritten. It panics unless the lengths match a and scratch has length
// AttentionTangentScratch(a) or more.
func AttentionTangent(dy, q, k, v, dq, dk, dv, scratch []float32, a Attn) {
	a.check(dy, q, k, v, dq, dk, dv)
	d, l, _ := a.padded()
	p, s := scratch[:l], scratch[l:2*l]
	columns, along := scratch[2*l:2*l+d*l], scratch[2*l+d*l:2*l+2*d*l]
	clear(dy)
	for head := 0; head < a.C; head += d {
		for j := range a.L {
			for c := range d {
				columns[c*l+j], along[c*l+j] = k[j*a.C+head+c], dk[j*a.C+head+c]
			}
		}
		for i := range a.L {
			clear(p)
			clear(s)
			at := i*a.C + head
			for c := range d {
				column := columns[c*l : c*l+l]
				AddScaled(p, column, q[at+c])
				AddScaled(s, column, dq[at+c])
				AddScaled(s, along[c*l:c*l+l], q[at+c])
			}
			for j := a.L; j < l; j++ {
				p[j] = float32(math.Inf(-1))
			}
			Scale(p, p, 1/softmaxFast(p, a.scale()))
			mean := dotInOrder(p[:a.L], s)
			out := dy[at : at+d]
			for j, w := range p[:a.L] {
				row := j*a.C + head
				AddScaled(out, v[row:row+d], float32(w*(s[j]-mean))*a.scale())
				AddScaled(out, dv[row:row+d], w)
			}
		}
	}
}
