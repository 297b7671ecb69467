package kernel

// SiLU writes x·sigmoid(x) to y (Elfwing et al. 2017, arXiv:1702.03118, eq. 6),
// computed as x / (1 + num.Exp32(−x)). y may be x. It panics unless the lengths
// are equal.
func SiLU(y, x []float32) {
	if len(y) != len(x) {
		panic("kernel: SiLU: lengths must be equal")
	}
	siluFast(y, x)
}

// SiLUBackward adds dy·SiLU′(x) to dx, where SiLU′(x) = s·(1 + x·(1−s)) and
// s = sigmoid(x). It panics unless the lengths are equal.
func SiLUBackward(dx, x, dy []float32) {
	if len(dx) != len(x) || len(dx) != len(dy) {
		panic("kernel: SiLUBackward: lengths must be equal")
	}
	siluBackwardFast.of(siluBackwardImpls)(dx, x, dy)
}

// siluImpls and siluBackwardImpls list every implementation in this build, the
// reference first and the fastest last.
var siluImpls = append([]impl[func(y, x []float32)]{{"ref", true, siluRef}}, siluSIMD...)

var siluFast = fastest(siluImpls)

var siluBackwardFast lazy[func(dx, x, dy []float32)]

func siluBackwardImpls() []impl[func(dx, x, dy []float32)] {
	return append([]impl[func(dx, x, dy []float32)]{{"ref", true, siluBackwardRef}}, siluBackwardSIMD()...)
}
