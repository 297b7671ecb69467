package sampler

import (
	"math"
	"testing"

	"tweedie/core/floattest"
	"tweedie/core/tensor"
)

// W(σ²) is N(0, σ²) and its increments are independent of it, at levels of every
// size, whether near a node of the tree or not.
func TestBrownianMoments(t *testing.T) {
	b := NewBrownian(NewNoise(1, 0, 1, numSamples, 1, 1))
	var before *tensor.Tensor
	levels := []float64{1e-3, 0.01, 0.0101, 0.3, 1, 1.7, 40, 157, 1e4}
	for i, sigma := range levels {
		w := b.At(sigma)
		checkVariance(t, "W", w.Data, sigma*sigma)
		if i > 0 {
			z := b.Between(levels[i-1], sigma)
			checkVariance(t, "increment", z.Data, 1)
			sum := 0.0
			for j, v := range z.Data {
				sum += float64(v) * float64(before.Data[j]) / levels[i-1] / numSamples
			}
			if !(math.Abs(sum) <= 5/math.Sqrt(numSamples)) {
				t.Errorf("σ = %g: correlation of W and what follows is %g, want 0 ± %.2g", levels[i-1], sum, 5/math.Sqrt(numSamples))
			}
		}
		before = w
	}
}

// The path does not depend on where it is evaluated, or in which order.
func TestBrownianIsOnePath(t *testing.T) {
	noise := NewNoise(1, 7, 3, 4, 4, 1)
	one, other := NewBrownian(noise), NewBrownian(noise)
	levels := []float64{80, 3, 0.01, 2.999, 1 << 20, 0.5, 3, 80}
	for _, sigma := range levels {
		one.At(sigma)
		floattest.SameBits(t, "W", one.At(sigma).Data, NewBrownian(noise).At(sigma).Data)
	}
	floattest.SameBits(t, "sample 8", other.At(3).Row(1), NewBrownian(NewNoise(1, 8, 1, 4, 4, 1)).At(3).Data)
	if w := NewBrownian(noise.After(1)).At(3); w.Data[0] == other.At(3).Data[0] {
		t.Error("two parts of a split run have the same path")
	}
	// A step is the sum of its halves: √(c²−a²)·z = √(b²−a²)·z + √(c²−b²)·z.
	whole, first, second := one.Between(1, 3), one.Between(1, 2), one.Between(2, 3)
	for i, v := range whole.Data {
		got := math.Sqrt(3)*float64(first.Data[i]) + math.Sqrt(5)*float64(second.Data[i])
		if want := math.Sqrt(8) * float64(v); !(math.Abs(got-want) <= 64*u32*10) {
			t.Errorf("number %d: two halves make %g, want %g", i, got, want)
		}
	}
}

// Different numbers of a sample, and different samples, have independent paths.
func TestBrownianPathsAreIndependent(t *testing.T) {
	const sigma = 0.7
	w := NewBrownian(NewNoise(1, 0, 2, numSamples, 1, 1)).At(sigma)
	var rows, neighbours float64
	for i, v := range w.Row(0) {
		rows += float64(v) * float64(w.Row(1)[i]) / (sigma * sigma * numSamples)
		neighbours += float64(v) * float64(w.Row(0)[(i+1)%numSamples]) / (sigma * sigma * numSamples)
	}
	if bound := 5 / math.Sqrt(numSamples); !(math.Abs(rows) <= bound && math.Abs(neighbours) <= bound) {
		t.Errorf("correlation of two samples is %g, of neighbours %g, want 0 ± %.2g", rows, neighbours, bound)
	}
}

// If the data are a single point, every ancestral method is exact, so with Brownian noise
// x at a level does not depend on the number of steps before it.
func TestBrownianPathIsIndependentOfSteps(t *testing.T) {
	onePoint := mixture{{0.25, 0, 1}}
	noise := NewNoise(1, 0, 2, 4, 4, 1)
	for _, s := range []Settings{{Method: "ddim", Eta: 1}, {Method: "ddpm"}, {Method: "euler-ancestral"}, {Method: "dpm2-ancestral"}, {Method: "sde-dpmpp"}, {Method: "sde-dpmpp-singlestep"}} {
		s.Brownian = true
		x := func(sigmas ...float32) *tensor.Tensor {
			x, err := Run(s, onePoint.denoise, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		few, many := x(20, 0.5), x(20, 15, 9, 3, 2.5, 1, 0.75, 0.5)
		for i, v := range few.Data {
			// 7 roundings of numbers of the size of the level, at most 20, that shrink;
			// DPM2 takes the slope from those at the lower level.
			bound := 7 * 8 * u32 * 20 * 0.5
			if s.Method == "dpm2-ancestral" {
				bound = 8 * u32 * 20 * 20 / 0.5
			}
			if !(math.Abs(float64(v)-float64(many.Data[i])) <= bound) {
				t.Errorf("%s: number %d is %g in one step, %g in seven, want them within %.2g", s.Method, i, v, many.Data[i], bound)
			}
		}
	}
}

// On other data the images of one Brownian path converge as the number of steps grows,
// and those of fresh noise do not.
func TestImagesOfOneBrownianPathConverge(t *testing.T) {
	noise := NewNoise(1, 0, 4, 8, 8, 1)
	for _, method := range []string{"sde-dpmpp", "sde-dpmpp-singlestep"} {
		gap := func(brownian bool, n int) float64 {
			var x [2]*tensor.Tensor
			for k := range x {
				sigmas := karras(t, n<<k, 0.05, 20)
				var err error
				s := Settings{Method: method, Options: Options{Brownian: brownian}}
				if x[k], err = Run(s, gaussian(0.5), Start(noise, sigmas), sigmas, noise, nil); err != nil {
					t.Fatal(err)
				}
			}
			return math.Sqrt(variance(x[0].AddScaled(-1, x[1]).Data))
		}
		coarse, fine, fresh := gap(true, 20), gap(true, 80), gap(false, 80)
		t.Logf("%s: 20 and 40 steps are %.4f apart, 80 and 160 %.4f; with fresh noise %.4f", method, coarse, fine, fresh)
		if !(fine < coarse/2 && fine < fresh/10) {
			t.Errorf("%s: images are %g apart at 20 steps, %g at 80, and %g with fresh noise: want them to meet", method, coarse, fine, fresh)
		}
	}
}

func TestBrownianRejectsLevelsOutsideItsRange(t *testing.T) {
	noise := NewNoise(1, 0, 1, 1, 1, 1)
	sigmas := []float32{1e12, 1, 0}
	for _, s := range []Settings{{Method: "ddpm", Options: Options{Brownian: true}}, {Method: "adaptive-sde"}} {
		_, err := Run(s, gaussian(1), Start(noise, sigmas), sigmas, noise, nil)
		const want = "sampler: invalid noise schedule: with Brownian noise levels above 0 must be between 2^-32 and 2^32 (got sigmas[0] = 1e+12)"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", s.Method, err, want)
		}
	}
}
