package profile

import "time"

// Peak is the peak performance of vectors on one core, in 10⁹ operations per second: sums that
// never leave the registers. It is 0 if this build has no vectors.
type Peak struct {
	MulAdd float64 `json:"mul_add"` // a multiplication, then an addition
	Fused  float64 `json:"fused"`   // both in one instruction, if the machine has one
}

// MeasurePeak measures for about a third of a second and returns the best results.
func MeasurePeak() Peak { return Peak{MulAdd: fastest(mulAdd), Fused: fastest(fused)} }

// fastest returns the highest GFLOP/s of several calls.
func fastest(run func(n int, out []float32)) float64 {
	const turns = 1 << 18
	width := lanes()
	if width == 0 {
		return 0
	}
	out, best := make([]float32, width), time.Duration(1<<62)
	run(turns, out) // so that wasm is compiled with optimizations
	for began := time.Now(); time.Since(began) < 150*time.Millisecond; {
		start := time.Now()
		run(turns, out)
		best = min(best, time.Since(start))
	}
	return turns * float64(sums*2*width) / best.Seconds() / 1e9
}
