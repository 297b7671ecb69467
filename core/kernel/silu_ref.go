package kernel

import "tweedie/core/num"

func siluRef(y, x []float32) {
	for i, v := range x {
		y[i] = silu(v)
	}
}

func siluBackwardRef(dx, x, dy []float32) {
	for i, v := range x {
		dx[i] += float32(dy[i] * siluSlope(v))
	}
}

// silu is x·sigmoid(x).
func silu(x float32) float32 { return x / (1 + num.Exp32(-x)) }

// siluSlope is the derivative of silu.
func siluSlope(x float32) float32 {
	s := 1 / (1 + num.Exp32(-x))
	return s * (1 + float32(x*(1-s)))
}
