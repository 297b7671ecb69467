package likelihood

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

var errStop = errors.New("stop")

func mustChain(t *testing.T, steps int) *diffusion.Chain {
	t.Helper()
	c, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: steps, BetaStart: 1e-4, BetaEnd: min(0.999, 20/float64(steps))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// levels returns images with pixels from N(0, sd²), rounded to levels.
func levels(sd float64, shape ...int) *tensor.Tensor {
	x := normals(float32(sd), shape...)
	for i, v := range x.Data {
		x.Data[i] = Level(uint8(min(max(math.Round((float64(v)+1)*127.5), 0), 255)))
	}
	return x
}

// For Gaussian data the exact denoiser is D = a·x. Given x₀ the expectation of ‖x₀−D‖² is
// d·((1−a)²·x₀² + a²σ²), which gives the expectation of every term.
func TestTermsOfAGaussian(t *testing.T) {
	const sd, n, T = 0.3, 500, 30
	one := mixture{{0, sd, 1}}
	chain := mustChain(t, T)
	pixel := Level(90)
	x0 := tensor.New(n, 1, 4, 1)
	for i := range x0.Data {
		x0.Data[i] = pixel
	}
	for _, large := range []bool{false, true} {
		got, err := Bound(one.denoise, chain, x0, BoundSettings{Large: large, Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		for s := 1; s < T; s++ {
			// In the symbols of the paper: eq. 7 and 10, with ε̂ instead of D.
			a, before, beta := chain.AlphasCumprod[s], chain.AlphasCumprod[s-1], chain.Betas[s]
			small := (1 - before) / (1 - a) * beta
			variance := small
			if large {
				variance = beta
			}
			sigma := chain.Sigmas[s]
			keep := sd * sd / (sd*sd + sigma*sigma)
			error2 := math.Pow((1-keep)*float64(pixel), 2) + keep*keep*sigma*sigma
			toD := math.Sqrt(before) * beta / (1 - a)
			want := 4 * ((small+toD*toD*error2)/variance - 1 - math.Log(small/variance)) / 2
			var mean, squares float64
			for i := range got {
				v := got[i].Steps[s-1]
				mean, squares = mean+v/n, squares+v*v/n
			}
			if bound := 5*math.Sqrt((squares-mean*mean)/n) + 1e-6*want; !(math.Abs(mean-want) <= bound) {
				t.Errorf("large %v, step %d: mean is %g, want %g ± %.2g", large, s, mean, want, bound)
			}
		}
		a := chain.AlphasCumprod[T-1]
		want := 4 * (a*float64(pixel)*float64(pixel) + (1 - a) - 1 - math.Log(1-a)) / 2
		if !(math.Abs(got[0].Prior-want) <= 1e-12) {
			t.Errorf("prior term is %g, want %g", got[0].Prior, want)
		}
	}
}

// exactNats returns −ln of the probability of a level under the model with D = a·x: its
// ancestral chain is linear, so z is normal at every step.
func exactNats(chain *diffusion.Chain, sd float64, pixel float32, large bool) float64 {
	variance := 1.0 // of z_T
	for s := chain.Steps() - 1; s > 0; s-- {
		k := chain.Kernel(float64(s))
		step, noise := diffusion.Bridge(k, chain.Kernel(float64(s-1)), 1)
		keep := sd * sd / (sd*sd + k.Sigma*k.Sigma) / k.S // D of z
		if large {
			noise = math.Sqrt(chain.Betas[s])
		}
		all := step.Z + step.D*keep
		variance = all*all*variance + noise*noise
	}
	k, firstStep := chain.Kernel(0), newStep(chain, 0, large)
	keep := sd * sd / (sd*sd + k.Sigma*k.Sigma) / k.S
	total := math.Sqrt(keep*keep*variance + math.Pow(firstStep.p, 2))
	cdf := func(x float64) float64 { return math.Erfc(-x/total/math.Sqrt2) / 2 }
	low, high := 0.0, 1.0
	if pixel > -1+Bin/2 {
		low = cdf(float64(pixel) - Bin/2)
	}
	if pixel < 1-Bin/2 {
		high = cdf(float64(pixel) + Bin/2)
	}
	return -math.Log(high - low)
}

// The bound is above the exact value for every level. With many steps it is close for the
// large variance, which is optimal for smooth data; the small variance is optimal for
// single points, and worse here.
func TestBoundIsAnUpperBound(t *testing.T) {
	const sd, n = 0.3, 400
	one := mixture{{0, sd, 1}}
	for _, c := range []struct {
		steps int
		large bool
		gap   float64 // nats a pixel
	}{{20, false, math.Inf(1)}, {20, true, 1}, {400, false, 1.5}, {400, true, 0.1}} {
		chain := mustChain(t, c.steps)
		for _, level := range []uint8{60, 128, 150, 255} {
			x0 := tensor.New(n, 1, 1, 1)
			for i := range x0.Data {
				x0.Data[i] = Level(level)
			}
			terms, err := Bound(one.denoise, chain, x0, BoundSettings{Large: c.large, Seed: uint64(level)})
			if err != nil {
				t.Fatal(err)
			}
			var mean, squares float64
			for _, v := range terms {
				mean, squares = mean+v.Total()/n, squares+v.Total()*v.Total()/n
			}
			noise := 4 * math.Sqrt((squares-mean*mean)/n)
			exact := exactNats(chain, sd, Level(level), c.large)
			if !(mean >= exact-noise) {
				t.Errorf("%+v, level %d: bound %g is below the exact %g, noise %.2g", c, level, mean, exact, noise)
			}
			if level < 255 && !(mean <= exact+c.gap+noise) {
				t.Errorf("%+v, level %d: bound %g is far above the exact %g, noise %.2g", c, level, mean, exact, noise)
			}
		}
	}
}

// A network with v = −1 everywhere has the small variance, with v = 1 the large one, and
// with the v of a Gaussian's exact posterior a lower bound than either.
func TestBoundOfLearnedVariances(t *testing.T) {
	const sd, n, T = 0.3, 200, 40
	one, chain := mixture{{0, sd, 1}}, mustChain(t, T)
	x0 := levels(sd, n, 2, 2, 3)
	answering := func(v func(sigma float32) float32) diffusion.Denoiser {
		return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
			d, err := one.denoise(x, sigma)
			out := tensor.New(n, 2, 2, 6)
			for i := range out.Data {
				if out.Data[i] = v(sigma); i%6 < 3 {
					out.Data[i] = d.Data[i/6*3+i%6]
				}
			}
			return out, err
		}
	}
	total := func(denoise diffusion.Denoiser, large bool) (steps, data float64) {
		terms, err := Bound(denoise, chain, x0, BoundSettings{Large: large, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range terms {
			data += v.Data / n
			steps += (v.Total() - v.Prior - v.Data) / n
		}
		return steps, data
	}
	low, lowData := total(one.denoise, false)
	high, _ := total(one.denoise, true)
	least, leastData := total(answering(func(float32) float32 { return -1 }), true)
	most, _ := total(answering(func(float32) float32 { return 1 }), false)
	if !(math.Abs(least-low) <= 1e-9*low && math.Abs(leastData-lowData) <= 1e-9*lowData && math.Abs(most-high) <= 1e-6*high) {
		t.Errorf("the ends give %g and %g (data %g), the fixed ones %g and %g (%g)", least, most, leastData, low, high, lowData)
	}
	best, _ := total(answering(func(sigma float32) float32 {
		at, _ := chain.Time(sigma)
		if at == 0 {
			return -1
		}
		step := newStep(chain, int(at), true)
		k := chain.Kernel(at)
		keep := sd * sd / (sd*sd + k.Sigma*k.Sigma) * k.Sigma * k.Sigma // Var[x₀|z]
		variance := step.q*step.q + step.coefficient*step.coefficient*keep
		return float32(2*math.Log(variance/step.q/step.q)/math.Log(step.large*step.large/step.q/step.q) - 1)
	}), false)
	if !(best < 0.99*low && best < 0.99*high) {
		t.Errorf("the bound with exact variances is %g nats, want less than with fixed ones, %g and %g", best, low, high)
	}
}

// For the same data the bits of the bound are above those of the exact density, which are
// above the entropy.
func TestBoundAgainstDensity(t *testing.T) {
	const sd, n, d = 0.3, 200, 16
	one := mixture{{0, sd, 1}}
	x0 := levels(sd, n, 4, 4, 1)
	terms, err := Bound(one.denoise, mustChain(t, 1000), x0, BoundSettings{Large: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]uint8, len(x0.Data))
	for i, v := range x0.Data {
		pixels[i] = uint8(math.Round((float64(v) + 1) * 127.5))
	}
	x := Dequantize(pixels, 4, 0, x0.Shape...)
	s := Settings{SigmaMin: 1e-3, SigmaMax: 60, Steps: 60, PriorSD: math.Hypot(60, sd)}
	var bound, exact, entropy float64
	for i, v := range densities(t, one.product, x, s) {
		bound += NatsToBits(terms[i].Total(), d) / n
		exact += BitsPerDim(v.Log, d) / n
	}
	for _, v := range x0.Data {
		z := func(v float64) float64 { return math.Erf(v/sd/math.Sqrt2) / 2 }
		entropy -= math.Log2(z(float64(v)+Bin/2)-z(float64(v)-Bin/2)) / float64(len(x0.Data))
	}
	// Dequantization adds Bin²/24 times the curvature of ln p, 1/sd²: negligible.
	if !(math.Abs(exact-entropy) <= 5e-3) {
		t.Errorf("bits of the density are %g, of the levels %g", exact, entropy)
	}
	if !(bound > exact && bound < exact+0.2) {
		t.Errorf("bits of the bound are %g, of the density %g: want more, by less than a fifth", bound, exact)
	}
}

// Levels at the ends have the probability of the unbounded intervals; probabilities have a
// lower bound.
func TestDataTerm(t *testing.T) {
	nats := func(level uint8, mean float32, sd float64) float64 {
		return dataTerm([]float32{Level(level)}, []float32{mean}, &step{p: sd})
	}
	sum := 0.0
	for level := range 256 {
		sum += math.Exp(-nats(uint8(level), 0.9, 0.2))
	}
	if !(math.Abs(sum-1) <= 256*minProbability+1e-12) {
		t.Errorf("probabilities of all levels sum to %g", sum)
	}
	if got, want := nats(255, 1.1, 0.05), -math.Log(math.Erfc((1-Bin/2-float64(float32(1.1)))/0.05/math.Sqrt2)/2); !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("the last level has %g nats, want %g", got, want)
	}
	if got, want := nats(0, 1, 0.01), -num.Log(minProbability); got != want {
		t.Errorf("an impossible level has %g nats, want %g", got, want)
	}
}

func TestBoundErrors(t *testing.T) {
	stop := func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, errStop }
	x := tensor.New(1, 1, 1, 1)
	if _, err := Bound(stop, mustChain(t, 5), x, BoundSettings{}); err != errStop {
		t.Errorf("got %v, want the denoiser's own error", err)
	}
	one, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Bound(stop, one, x, BoundSettings{}); err == nil || err == errStop {
		t.Errorf("a chain of one step: got %v", err)
	}
	for _, at := range []int{-1, 5} {
		if _, err := BoundTerm(stop, mustChain(t, 5), x, at, BoundSettings{}); err == nil || err == errStop {
			t.Errorf("step %d: got %v", at, err)
		}
	}
}

// Dequantized pixels are uniform in their intervals, and do not depend on the batch.
func TestDequantize(t *testing.T) {
	const n = 4000
	pixels := make([]uint8, 3*n)
	for i := range pixels {
		pixels[i] = uint8(i % 256)
	}
	x := Dequantize(pixels, 9, 0, 3, 1, n, 1)
	sum, squares := 0.0, 0.0
	for i, v := range x.Data {
		off := (float64(v) - (float64(pixels[i])/127.5 - 1)) / Bin
		if !(off >= -0.5-1e-4 && off < 0.5+1e-4) { // a rounding of numbers up to 1
			t.Fatalf("pixel %d is off by %g bins", i, off)
		}
		sum += off
		squares += off * off
	}
	N := float64(len(x.Data))
	if got, bound := sum/N, 5*math.Sqrt(1./12/N); !(math.Abs(got) <= bound) {
		t.Errorf("mean place is %g, want 0 ± %.2g", got, bound)
	}
	if got, bound := squares/N, 5*math.Sqrt(1./180/N); !(math.Abs(got-1./12) <= bound) {
		t.Errorf("variance of the place is %g, want 1/12 ± %.2g", got, bound)
	}
	alone := Dequantize(pixels[2*n:], 9, 2, 1, 1, n, 1)
	for i, v := range alone.Data {
		if v != x.Row(2)[i] {
			t.Fatal("an image depends on its batch")
		}
	}
}

// A uniform density over all levels has 8 bits per dimension.
func TestBitsPerDim(t *testing.T) {
	even := -math.Log(256 * Bin) // p of each pixel on all 256 intervals together
	if got := BitsPerDim(10*even, 10); !(math.Abs(got-8) <= 1e-12) {
		t.Errorf("got %g bits, want 8", got)
	}
	if got := NatsToBits(6*math.Ln2, 3); !(math.Abs(got-2) <= 1e-12) {
		t.Errorf("got %g bits, want 2", got)
	}
}

// With levels close together the bound is close to the exact value if the variance of the
// last step is the noise of the first level, and not with the variance of the second step.
func TestFirstBetaWithCloseLevels(t *testing.T) {
	const sd, n, T = 0.3, 300, 300
	one, sigmas := mixture{{0, sd, 1}}, make([]float64, T)
	for i := range sigmas {
		sigmas[i] = 0.01 * math.Pow(4000, float64(i)/(T-1))
	}
	chain, err := diffusion.ChainAt(sigmas)
	if err != nil {
		t.Fatal(err)
	}
	x0 := levels(sd, n, 2, 2, 1)
	nats := func(begin bool) (mean float64) {
		terms, err := Bound(one.denoise, chain, x0, BoundSettings{FirstBeta: begin, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range terms {
			mean += v.Total() / n / 4
		}
		return mean
	}
	want := 0.0
	for _, v := range x0.Data {
		want -= (one.logDensity(float64(v), 0) + math.Log(Bin)) / float64(len(x0.Data))
	}
	small, begin := nats(false), nats(true)
	// One noise for each step, of 1200 pixels: the mean is accurate to about 0.03.
	if !(begin >= want-0.1 && begin <= want+0.2 && small >= begin+0.5) {
		t.Errorf("%g nats per pixel with FirstBeta, %g without: want slightly more than %g, and more without", begin, small, want)
	}
}
