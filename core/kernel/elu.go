package kernel

// ELU writes x to y where x > 0, else eˣ − 1 (Clevert et al. 2016, arXiv:1511.07289,
// eq. 15, for α = 1), computed as num.Exp32(x) − 1. The absolute error is at most 2⁻²³. y may be x. It panics unless the lengths are equal.
func ELU(y, x []float32) {
	if len(y) != len(x) {
		panic("kernel: ELU: lengths must be equal")
	}
	eluFast(y, x)
}

// ELUBackward adds dy·ELU′(x) to dx, given y = ELU(x): ELU′ is 1 where x > 0, else
// eˣ = y + 1. It panics unless the lengths are equal.
func ELUBackward(dx, y, dy []float32) {
	if len(dx) != len(y) || len(dx) != len(dy) {
		panic("kernel: ELUBackward: lengths must be equal")
	}
	eluBackwardFast.of(eluBackwardImpls)(dx, y, dy)
}

// eluImpls and eluBackwardImpls list every implementation in this build, the
// reference first and the fastest last.
var eluImpls = append([]impl[func(y, x []float32)]{{"ref", true, eluRef}}, eluSIMD...)

var eluFast = fastest(eluImpls)

var eluBackwardFast lazy[func(dx, y, dy []float32)]

func eluBackwardImpls() []impl[func(dx, y, dy []float32)] {
	return append([]impl[func(dx, y, dy []float32)]{{"ref", true, eluBackwardRef}}, eluBackwardSIMD()...)
}
