package kernel

import "tweedie/core/num"

func attentionRef(y, q, k, v, scratch []float32, a Attn) {
	d := a.C / a.Heads
	p, sum := scratch[:a.L], scratch[a.L:a.L+d]
	for at := 0; at < a.C; at += d {
		for i := range a.L {
			inv := 1 / weightsRef(p, q[i*a.C+at:], k[at:], a)
			clear(sum)
			for j, pj := range p {
				for c, vc := range v[j*a.C+at : j*a.C+at+d] {
					sum[c] += float32(pj * vc)
				}
			}
			for c, s := range sum {
				y[i*a.C+at+c] = s * inv
			}
		}
	}
}

// weightsRef writes to p the weights of one query, not yet divided by their sum,
// which it returns. q and k start at the head's first channel.
func weightsRef(p, q, k []float32, a Attn) float32 {
	d, scale := a.C/a.Heads, a.scale()
	largest := dotInOrder(q[:d], k[:d])
	for j := range p {
		p[j] = dotInOrder(q[:d], k[j*a.C:j*a.C+d])
		largest = max(largest, p[j])
	}
	var lane [16]float32
	for j, s := range p {
		p[j] = num.Exp32((s - largest) * scale)
		lane[j%16] += p[j]
	}
	return sum16(&lane)
}

func dotInOrder(a, b []float32) float32 {
	var sum float32
	for i, v := range a {
		sum += float32(v * b[i])
	}
	return sum
}

// attentionBackwardRef: with P the weights and dP = dy·vᵀ, the scores' gradient
// is dS = P∘(dP − Σⱼ P∘dP)/√d; then dq = dS·k, dk = dSᵀ·q and dv = Pᵀ·dy.
func attentionBackwardRef(dq, dk, dv, q, k, v, dy, scratch []float32, a Attn) {
	d, scale := a.C/a.Heads, a.scale()
	p, dp := scratch[:a.L], scratch[a.L:2*a.L]
	for at := 0; at < a.C; at += d {
		for i := range a.L {
			row := i*a.C + at
			dyi, qi, dqi := dy[row:row+d], q[row:row+d], dq[row:row+d]
			inv := 1 / weightsRef(p, qi, k[at:], a)
			var mean float32 // Σⱼ P∘dP
			for j := range p {
				p[j] *= inv
				dp[j] = dotInOrder(dyi, v[j*a.C+at:])
				mean += float32(p[j] * dp[j])
			}
			for j, pj := range p {
				ds := float32(pj*(dp[j]-mean)) * scale
				for c := range d {
					jc := j*a.C + at + c
					dqi[c] += float32(ds * k[jc])
					dk[jc] += float32(ds * qi[c])
					dv[jc] += float32(pj * dyi[c])
				}
			}
		}
	}
}
