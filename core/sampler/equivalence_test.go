package sampler

import (
	"math"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// Methods that papers describe under different names are the same in these coordinates,
// up to rounding.
func TestEquivalentMethods(t *testing.T) {
	order := func(name string, n int) Settings { return Settings{Method: name, Options: Options{Order: n}} }
	for _, c := range []struct{ one, other Settings }{
		{Settings{Method: "ddim"}, Settings{Method: "euler"}},
		{Settings{Method: "ddim"}, Settings{Method: "flow-euler"}},
		{Settings{Method: "ddim"}, order("lms", 1)},
		{Settings{Method: "ddim"}, order("ipndm", 1)},
		{Settings{Method: "ddim"}, order("deis", 1)},
		{Settings{Method: "ddim"}, order("dpm-singlestep", 1)},
		{Settings{Method: "ddim"}, order("dpm-multistep", 1)},
		{Settings{Method: "ddim"}, order("dpmpp-singlestep", 1)},
		{Settings{Method: "ddim"}, order("dpmpp-multistep", 1)},
		{Settings{Method: "dpmpp2m"}, order("dpmpp-multistep", 2)},
		{Settings{Method: "dpm2"}, order("dpm-singlestep", 2)},
		{order("deis", 3), order("dpm-multistep", 3)},
		{Settings{Method: "ddpm"}, Settings{Method: "euler-ancestral"}},
		{Settings{Method: "ddpm"}, Settings{Method: "ddim", Eta: 1}},
		{Settings{Method: "ddpm"}, order("sde-dpmpp", 1)},
		{Settings{Method: "ddpm"}, Settings{Method: "pc", Options: Options{Predictor: "ancestral", Corrector: CorrectorNone}}},
		{Settings{Method: "heun"}, Settings{Method: "heun", Options: Options{Churn: Churn{S: 9, Min: 6}}}}, // no level is above 6
	} {
		t.Run(c.one.Method+" is "+c.other.Method+optionString(c.other.Options), func(t *testing.T) {
			const steps = 30
			sigmas := karras(t, steps, 0.05, 5)
			noise := NewNoise(8, 0, 2, 4, 4, 1)
			start := Start(noise, sigmas)
			one, err := Run(c.one, two.denoise, start, sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			other, err := Run(c.other, two.denoise, start, sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			// Some roundings of numbers up to 5·sigmas[0] a step. Between the modes their
			// difference grows less than a hundredfold.
			bound := steps * 100 * u32 * float64(sigmas[0])
			for i, v := range one.Data {
				if !(math.Abs(float64(v)-float64(other.Data[i])) <= bound) {
					t.Errorf("number %d is %g and %g, want them within %.2g", i, v, other.Data[i], bound)
				}
			}
		})
	}
}

// UniPC of order 1 without its corrector is DDIM. The corrector has not run yet when the
// hook sees the first step.
func TestUniPCPredictorIsDDIM(t *testing.T) {
	noise := NewNoise(8, 0, 2, 4, 4, 1)
	sigmas := []float32{5, 3, 2}
	start := Start(noise, sigmas)
	var first [2]*tensor.Tensor
	for k, s := range []Settings{{Method: "unipc", Options: Options{Order: 1}}, {Method: "ddim"}} {
		if _, err := Run(s, two.denoise, start, sigmas, nil, func(step int, x *tensor.Tensor, _ float32) error {
			if step == 0 {
				first[k] = x.Clone()
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	floattest.SameBits(t, "first step", first[0].Data, first[1].Data)
}

// The result depends on B(h) only where there is a single difference. Then the two choices
// agree to the order of the method: their distance falls faster than 2^order when the
// number of steps doubles.
func TestBHOfUniPC(t *testing.T) {
	off := func(order, n int) float64 {
		sigmas := karras(t, n, 0.1, 5)[:n]
		start := startPoints(9, 5)
		var x [2]*tensor.Tensor
		for k := range x {
			var err error
			if x[k], err = Run(Settings{Method: "unipc", Options: Options{Order: order, BH: k + 1}}, gaussian(0.5), start, sigmas, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		return math.Sqrt(variance(x[0].AddScaled(-1, x[1]).Data))
	}
	for order := 1; order <= 2; order++ {
		if a, b := off(order, 16), off(order, 32); !(a > 1e-4 && a/b > math.Exp2(float64(order))) {
			t.Errorf("order %d: B₁ and B₂ are %g apart, %g with twice the steps: want them to meet faster than 2^%[1]d", order, a, b)
		}
	}
}
