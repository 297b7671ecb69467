package kernel

import "tweedie/core/num"

func eluRef(y, x []float32) {
	for i, v := range x {
		if v <= 0 {
			v = num.Exp32(v) - 1
		}
		y[i] = v
	}
}

func eluBackwardRef(dx, y, dy []float32) {
	for i, v := range y {
		slope := float32(1)
		if v <= 0 {
			slope = v + 1
		}
		dx[i] += float32(dy[i] * slope)
	}
}
