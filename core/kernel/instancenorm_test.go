package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tweedie/core/floattest"
)

func TestColumnMeansSameBits(t *testing.T) {
	for _, n := range norms() {
		for _, im := range columnMeansImpls {
			if !im.ok {
				continue
			}
			rng := rand.New(rand.NewPCG(3, uint64(n.HW*n.C)))
			x, got, want := guarded(rng, n.HW*n.C), guarded(rng, n.C), make([]float32, n.C)
			columnMeansRef(want, x, n)
			im.fn(got, x, n)
			floattest.SameBits(t, "got", got, want)
			checkGuard(t, got)
		}
	}
}

// instanceNormPlus64 is InstanceNormPlus in float64, written without its ideas.
func instanceNormPlus64(x, params []float64, n Norm) []float64 {
	means, m, v := make([]float64, n.C), 0.0, 0.0
	for i, a := range x {
		means[i%n.C] += a / float64(n.HW)
		m += a / float64(len(x))
	}
	squares := make([]float64, n.C)
	for i, a := range x {
		squares[i%n.C] += (a - means[i%n.C]) * (a - means[i%n.C]) / float64(n.HW)
	}
	for _, a := range means {
		v += (a - m) * (a - m) / float64(n.C-1)
	}
	y, eps := make([]float64, len(x)), float64(n.Eps)
	for i, a := range x {
		c := i % n.C
		unit := (means[c] - m) / math.Sqrt(v+eps)
		y[i] = params[c]*((a-means[c])/math.Sqrt(squares[c]+eps)+params[n.C+c]*unit) + params[2*n.C+c]
	}
	return y
}

func TestInstanceNormPlus(t *testing.T) {
	for _, s := range [][2]int{{4, 2}, {5, 3}, {9, 16}, {7, 17}, {49, 32}, {64, 40}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			n := Norm{HW: s[0], C: s[1], Eps: 1e-5}
			rng := rand.New(rand.NewPCG(9, uint64(n.C)))
			x, params, stats := guarded(rng, n.HW*n.C), guarded(rng, 3*n.C), guarded(rng, 3*n.C)
			y := guarded(rng, n.HW*n.C)
			InstanceNormPlus(y, x, params, stats, n)
			checkGuard(t, y)
			checkGuard(t, stats)
			want := instanceNormPlus64(wide(x), wide(params), n)
			floattest.Within(t, "y", y, want, 1e-4*(1+largest(want)))

			dy, dx, dparams := guarded(rng, len(x)), guarded(rng, len(x)), guarded(rng, 3*n.C)
			wantDX, wantDP := wide(dx), wide(dparams)
			InstanceNormPlusBackward(dx, dparams, x, params, stats, dy, n)
			checkGuard(t, dx)
			checkGuard(t, dparams)
			x64, p64 := wide(x), wide(params)
			loss := func() (sum float64) {
				for i, v := range instanceNormPlus64(x64, p64, n) {
					sum += v * float64(dy[i])
				}
				return sum
			}
			for i := range wantDX {
				wantDX[i] += slope(loss, x64, i)
			}
			for i := range wantDP {
				wantDP[i] += slope(loss, p64, i)
			}
			floattest.Within(t, "dx", dx, wantDX, 1e-3*(1+largest(wantDX)))
			floattest.Within(t, "dparams", dparams, wantDP, 1e-3*(1+largest(wantDP)))

			InstanceNormPlus(x, x, params, stats, n) // in place
			floattest.SameBits(t, "x", x, y)
		})
	}
}
