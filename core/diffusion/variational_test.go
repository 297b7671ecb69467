package diffusion

import (
	"math"
	"testing"
)

func TestMonotoneValidate(t *testing.T) {
	nan := math.NaN()
	for _, m := range []Monotone{
		{Start: 1, End: 1, Slope: 1}, {Start: nan, End: 1, Slope: 1}, {End: math.Inf(1), Slope: 1}, {End: 1}, {End: 1, Slope: nan},
		{End: 1, Slope: 1, Units: [][3]float64{{-1, 0, 1}}}, {End: 1, Slope: 1, Units: [][3]float64{{1, nan, 1}}}, {End: 1, Slope: 1, Units: [][3]float64{{1, 0, 0}}}, *NewMonotone(0, 1, maxUnits+1),
	} {
		if m.Validate() == nil {
			t.Errorf("%+v: got no error", m)
		}
	}
}

// The gradient of the fit is the derivative of its loss, by central differences.
func TestMonotoneGradient(t *testing.T) {
	times, gammas := []float64{0, 0.2, 0.7, 1}, []float64{-8, -1, 0, 5}
	m := &Monotone{Start: -8, End: 5, Slope: 0.7, Units: [][3]float64{{3, -1, 0.4}, {9, -5, 1.2}}}
	loss := func() (sum float64) {
		for i, at := range times {
			gamma, _ := m.At(at)
			sum += math.Pow((gamma-gammas[i])/13, 2) / 2 / float64(len(times))
		}
		return sum
	}
	got := make([]float64, 7)
	m.gradient(got, times, gammas)
	for i := range got {
		const h = 1e-5
		m.update(i, h)
		up := loss()
		m.update(i, -2*h)
		want := (up - loss()) / (2 * h)
		m.update(i, h)
		if !(math.Abs(got[i]-want) <= 1e-8) {
			t.Errorf("weight %d: gradient is %g, differences give %g", i, got[i], want)
		}
	}
}

// RateGradient is the derivative of ln γ̇ along γ = const, by central differences.
func TestMonotoneRateGradient(t *testing.T) {
	m := &Monotone{Start: -8, End: 5, Slope: 0.7, Units: [][3]float64{{3, -1, 0.4}, {9, -5, 1.2}}}
	got := make([]float64, 9)
	for _, at := range []float64{0.05, 0.4, 0.6, 0.95} {
		gamma, _ := m.At(at)
		logRate := func() float64 {
			low, high := 0.0, 1.0
			for range 60 {
				middle := (low + high) / 2
				if g, _ := m.At(middle); g < gamma {
					low = middle
				} else {
					high = middle
				}
			}
			_, rate := m.At(low)
			return math.Log(rate)
		}
		m.RateGradient(got, at)
		for i := range got[2:] {
			const h = 1e-4
			m.update(i, h)
			up := logRate()
			m.update(i, -2*h)
			want := (up - logRate()) / (2 * h)
			m.update(i, h)
			if !(math.Abs(got[2+i]-want) <= 1e-6) {
				t.Errorf("t = %g, weight %d: gradient is %g, differences give %g", at, i, got[2+i], want)
			}
		}
	}
}

// Weights round a γ to single precision, and SetWeights gives a valid γ for any numbers.
func TestMonotoneWeights(t *testing.T) {
	m := NewMonotone(-13.3, 5, 16)
	w := m.Weights()
	again := *m
	again.Units = append([][3]float64(nil), m.Units...)
	again.SetWeights(w)
	for i := range 11 {
		want, _ := m.At(float64(i) / 10)
		if got, _ := again.At(float64(i) / 10); !(math.Abs(got-want) <= 1e-4) {
			t.Errorf("at %d tenths γ is %g, was %g", i, got, want)
		}
		if even := -13.3 + 18.3*float64(i)/10; !(math.Abs(want-even) <= 0.5) {
			t.Errorf("at %d tenths a new γ is %g, want it close to linear, %g", i, want, even)
		}
	}
	for i := range w {
		w[i] = float32(1e30 * float64(1-2*(i%2)))
	}
	again.SetWeights(w)
	if err := again.Validate(); err != nil {
		t.Error(err)
	}
	if c, err := (Variational{&again}).Chain(1000, float32(math.Exp(again.Start/2)), float32(math.Exp(again.End/2))); err != nil || c.Steps() != 1000 {
		t.Errorf("no chain along it: %v", err)
	}
	if !(again.End-again.Start >= 1) {
		t.Errorf("γ rises from %g to %g", again.Start, again.End)
	}
}

// The chain of a Variational process has the process's kernels and transitions.
func TestVariationalChain(t *testing.T) {
	p := Variational{&Monotone{Start: -8, End: 5, Slope: 0.7, Units: [][3]float64{{9, -5, 1.2}}}}
	const T = 50
	c, err := p.Chain(T, float32(p.Kernel(0).Sigma), float32(p.Kernel(1).Sigma))
	if err != nil {
		t.Fatal(err)
	}
	before := Kernel{S: 1}
	for i := range T {
		k := p.Kernel(float64(i) / (T - 1))
		keep, sd := Transition(before, k)
		for _, pair := range [][2]float64{{c.Sigmas[i], k.Sigma}, {c.AlphasCumprod[i], k.S * k.S}, {1 - c.Betas[i], keep * keep}, {c.Betas[i], sd * sd}} {
			if !(math.Abs(pair[0]-pair[1]) <= 1e-6*pair[1]) {
				t.Fatalf("step %d: got %g, want %g", i, pair[0], pair[1])
			}
		}
		before = k
	}
	held, err := p.Chain(T, 0.02, 12)
	if err != nil {
		t.Fatal(err)
	}
	if low, high := held.SigmaRange(); low != 0.02 || high != 12 {
		t.Errorf("levels from %g to %g, want 0.02 to 12", low, high)
	}
	if _, err := p.Chain(T, 0.001, 12); err == nil {
		t.Error("a chain from below γ₀: got no error")
	}
}

// A fitted γ is close to its points, exact at the ends, and increasing.
func TestFitMonotone(t *testing.T) {
	var times, gammas []float64
	for i := range 41 {
		at := float64(i) / 40
		// The cosine schedule of Nichol & Dhariwal as γ = 2 ln tan, clamped to ±10.
		times = append(times, at)
		gammas = append(gammas, 2*math.Log(math.Tan((0.0043+0.9914*at)*math.Pi/2)))
	}
	m, err := FitMonotone(times, gammas, 16, 4000)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, at := range times {
		got, rate := m.At(at)
		worst = math.Max(worst, math.Abs(got-gammas[i]))
		if !(rate > 0) {
			t.Errorf("γ falls at t=%g", at)
		}
	}
	if total := gammas[40] - gammas[0]; !(worst <= 0.02*total) {
		t.Errorf("largest error is %g, want at most a fiftieth of the range %g", worst, total)
	}
	for i, at := range []int{0, 40} {
		if got, _ := m.At(times[at]); !(math.Abs(got-gammas[at]) <= 1e-12) {
			t.Errorf("end %d is %g, want %g", i, got, gammas[at])
		}
	}
	for _, bad := range [][2][]float64{{{0}, {1}}, {{0, 1}, {1}}, {{0, 0.9}, {0, 1}}, {{0, 1}, {1, 0}}} {
		if _, err := FitMonotone(bad[0], bad[1], 2, 10); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
}

// noiseLoss is E‖ε − ε̂‖² of the exact denoiser of two, at γ, by quadrature over x.
func noiseLoss(gamma float64) float64 {
	sigma := math.Exp(gamma / 2)
	marginal := two.at(Kernel{S: 1, Sigma: sigma})
	edge := 1.5 + 9*sigma
	const n = 1500
	sum := 0.0
	for i := range n {
		x := (2*(float64(i)+0.5)/n - 1) * edge
		// E[ε²] − E[E[ε|x]²]: the variance of the noise given x.
		noise := (x - two.denoised(x, sigma)) / sigma
		sum += marginal.density(x) * noise * noise * 2 * edge / n
	}
	return 1 - sum
}

// The learned schedule of VDM: the bound ½∫γ̇·E‖ε−ε̂‖² dt is the same for every schedule.
// With UniformLossTimes its integrand is constant, so estimates from random t have no
// variance.
func TestUniformLossTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for i, at := range UniformLossTimes([]float64{0, 1, 3}, []float64{1, 2, 2}) { // 1+γ and then 2: integrals of 1.5 and 4
		if want := []float64{0, 3. / 11, 1}[i]; !(math.Abs(at-want) <= 1e-15) {
			t.Errorf("point %d of an even loss stands at %g, want %g", i, at, want)
		}
	}
	var gammas, losses []float64
	for i := range 161 {
		gammas = append(gammas, -6+12*float64(i)/160)
		losses = append(losses, noiseLoss(gammas[i]))
	}
	exact := piecewiseLinear{UniformLossTimes(gammas, losses), gammas}
	fitted, err := FitMonotone(exact.times, gammas, 24, 4000)
	if err != nil {
		t.Fatal(err)
	}
	moments := func(g Gamma) (mean, sd float64) {
		const n = 400
		var sum, squares float64
		for i := range n {
			gamma, rate := g.At((float64(i) + 0.5) / n)
			v := rate * noiseLoss(gamma) / 2
			sum += v / n
			squares += v * v / n
		}
		return sum, math.Sqrt(squares - sum*sum)
	}
	linear, spread := moments(&Monotone{Start: -6, End: 6, Slope: 1})
	for _, c := range []struct {
		name string
		g    Gamma
		part float64 // of the linear schedule's standard deviation
	}{{"exact", exact, 0.05}, {"fitted", fitted, 0.4}} {
		even, less := moments(c.g)
		if !(math.Abs(even/linear-1) <= 2e-3) {
			t.Errorf("the bound is %g with the %s schedule and %g with the linear one, want the same", even, c.name, linear)
		}
		if !(less <= c.part*spread) {
			t.Errorf("standard deviation over t is %g with the %s schedule and %g with the linear one, want %g of it", less, c.name, spread, c.part)
		}
	}
}

// piecewiseLinear is the Gamma that interpolates points linearly.
type piecewiseLinear struct{ times, gammas []float64 }

func (p piecewiseLinear) At(t float64) (gamma, rate float64) {
	i := 1
	for i < len(p.times)-1 && p.times[i] < t {
		i++
	}
	rate = (p.gammas[i] - p.gammas[i-1]) / (p.times[i] - p.times[i-1])
	return p.gammas[i-1] + rate*(t-p.times[i-1]), rate
}

// The thermodynamic schedule removes the same amount of signal at every step.
func TestThermodynamicRemovesSignalUniformly(t *testing.T) {
	const T = 50
	c := mustChain(t, Schedule{Kind: Thermodynamic, Steps: T})
	for i, got := range c.AlphasCumprod {
		if want := 1 - float64(i+1)/(T+1); !(math.Abs(got-want) <= 1e-14) {
			t.Errorf("ᾱ of step %d is %g, want %g", i+1, got, want)
		}
	}
	// Its binomial kernel B(x; z·(1−β) + ½β) is the uniform process with two values.
	p, err := NewCategorical(UniformTarget(2), []float64{0.3})
	if err != nil {
		t.Fatal(err)
	}
	for z := range 2 {
		if got, want := p.Transition(1, z, 1), float64(z)*0.7+0.15; !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("1 from %d has probability %g, want %g", z, got, want)
		}
	}
}
