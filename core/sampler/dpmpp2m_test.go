package sampler

import (
	"math"
	"testing"
)

// Algorithm 2 of Lu et al. 2022 line for line, in its own coordinates and in
// float64, along a variance-preserving chain: α² + σ̃² = 1, x̃ = α·x.
func TestDPMpp2MIsAlgorithm2(t *testing.T) {
	const steps = 12
	sigmas := karras(t, steps, 0.05, 20)[:steps] // the last level above 0
	noise := NewNoise(4, 0, 1, 4, 4, 1)
	start := Start(noise, sigmas)
	got, err := DPMpp2M(two.denoise, start, sigmas, nil)
	if err != nil {
		t.Fatal(err)
	}
	alpha := func(i int) float64 { return 1 / math.Sqrt(1+math.Pow(float64(sigmas[i]), 2)) }
	tilde := func(i int) float64 { return float64(sigmas[i]) * alpha(i) }
	lambda := func(i int) float64 { return math.Log(alpha(i) / tilde(i)) }
	model := func(x float64, i int) float64 { return two.at(x/alpha(i), float64(sigmas[i])) }
	for n := range start.Data {
		x := float64(start.Data[n]) * alpha(0)
		h := lambda(1) - lambda(0)
		before := model(x, 0)
		x = tilde(1)/tilde(0)*x - alpha(1)*math.Expm1(-h)*before
		for i := 2; i < len(sigmas); i++ {
			now := model(x, i-1)
			hNow := lambda(i) - lambda(i-1)
			r := h / hNow
			d := (1+1/(2*r))*now - 1/(2*r)*before
			x = tilde(i)/tilde(i-1)*x - alpha(i)*math.Expm1(-hNow)*d
			before, h = now, hNow
		}
		want := x / alpha(len(sigmas)-1)
		if bound := steps * 4 * u32 * float64(sigmas[0]); !(math.Abs(float64(got.Data[n])-want) <= bound) {
			t.Errorf("number %d is %g, want %g ± %.2g", n, got.Data[n], want, bound)
		}
	}
}
