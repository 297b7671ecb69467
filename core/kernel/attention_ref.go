package kernel

import "math"

func attentionRef(y, q, k, v, scratch []float32, a Attn, _ Arithmetic) {
	d, l, _ := a.padded()
	p, sum := scratch[:l], scratch[l:l+d]
	for at := 0; at < a.C; at += d {
		for i := range len(q) / a.C {
			inv := 1 / weightsRef(p, q[i*a.C+at:], k[at:], a)
			clear(sum)
			for j, pj := range p[:a.L] {
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

// weightsRef writes the attention weights of one query to p, not yet divided by their
// sum, and returns the sum. q and k start at the head's first channel.
func weightsRef(p, q, k []float32, a Attn) float32 {
	d := a.C / a.Heads
	for j := range p {
		p[j] = float32(math.Inf(-1))
		if j < a.L {
			p[j] = dotInOrder(q[:d], k[j*a.C:])
		}
	}
	return softmaxRef(p, a.scale())
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
	d, l, _ := a.padded()
	p, ds := scratch[:l], scratch[l:l+a.L]
	for at := 0; at < a.C; at += d {
		for i := range a.L {
			row := i*a.C + at
			dyi, qi, dqi := dy[row:row+d], q[row:row+d], dq[row:row+d]
			scaleRef(p, p, 1/weightsRef(p, qi, k[at:], a))
			for j := range ds {
				ds[j] = dotInOrder(dyi, v[j*a.C+at:])
			}
			softmaxGradRef(ds, p[:a.L], a.scale())
			for j, s := range ds {
				for c := range d {
					jc := j*a.C + at + c
					dqi[c] += float32(s * k[jc])
					dk[jc] += float32(s * qi[c])
					dv[jc] += float32(p[j] * dyi[c])
				}
			}
		}
	}
}
