package train

import (
	"fmt"
	"math"
	"testing"

	"tweedie/core/diffusion"
)

// The loss of one draw of each objective agrees with its paper, for any output of the
// network. A wrong weight would not change the optimal score; this test finds it.
func TestObjectivesMatchTheirPapers(t *testing.T) {
	chain := newChain(t, diffusion.Linear, 1000)
	v := diffusion.Predictor{Prediction: diffusion.PredictV, Input: chain}
	gamma := &diffusion.Monotone{Start: -6, End: 5, Slope: 1, Units: [][3]float64{{6, -3, 0.5}}}
	subVP := diffusion.SubVPSDE{BetaMin: 0.1, BetaMax: 20}
	noise := func(x0, eps, x, d, sigma float64) float64 { // ‖ε − ε̂‖²
		return math.Pow(eps-(x-d)/sigma, 2)
	}
	for _, c := range []struct {
		name  string
		of    Objective
		paper func(x0, eps, x, d, sigma float64) float64 // of one number, x = x₀ + σ·ε
	}{
		{"dsm", DSM{0.3}, func(x0, eps, x, d, sigma float64) float64 { // Vincent 2011, eq. 11
			return math.Pow((d-x)/(sigma*sigma)-(x0-x)/(sigma*sigma), 2) / 2
		}},
		{"ncsn", NCSN{[]float32{0.3}}, func(x0, eps, x, d, sigma float64) float64 { // eq. 5 and 6, λ = σ²
			return sigma * sigma * math.Pow((d-x)/(sigma*sigma)+(x-x0)/(sigma*sigma), 2) / 2
		}},
		{"simple", LSimple{chain}, noise},
		{"min-snr", MinSNR{LSimple{chain}, 5}, func(x0, eps, x, d, sigma float64) float64 { // of ε: min(SNR, γ)/SNR
			snr := 1 / (sigma * sigma)
			return min(snr, 5) / snr * noise(x0, eps, x, d, sigma)
		}},
		{"edm", EDMLoss{PMean: -1, PStd: 1.2, SigmaData: 0.6}, func(x0, eps, x, d, sigma float64) float64 { // Table 1
			return (sigma*sigma + 0.36) / math.Pow(sigma*0.6, 2) * math.Pow(d-x0, 2)
		}},
		{"flow", FlowMatching{}, func(x0, eps, x, d, sigma float64) float64 { // z = (1−t)·x₀ + t·ε, v = dz/dt
			at := sigma / (1 + sigma)
			z := (1-at)*x0 + at*eps
			return math.Pow((z-d)/at-(eps-x0), 2)
		}},
		{"vdm", VDM{diffusion.Variational{Gamma: gamma}}, func(x0, eps, x, d, sigma float64) float64 { // eq. 17
			at, err := diffusion.Variational{Gamma: gamma}.Time(float32(sigma))
			if err != nil {
				t.Fatal(err)
			}
			const h = 1e-5
			low, _ := gamma.At(at - h)
			high, _ := gamma.At(at + h)
			return (high - low) / (2 * h) / 2 * noise(x0, eps, x, d, sigma)
		}},
		{"sub-VP", Continuous{subVP, 0.1, 1}, func(x0, eps, x, d, sigma float64) float64 { // eq. 7, λ = 1/E‖∇ log q‖²
			at, err := subVP.Time(float32(sigma))
			if err != nil {
				t.Fatal(err)
			}
			k := subVP.Kernel(at)
			sd := k.S * k.Sigma
			return sd * sd * math.Pow(k.Score().At(k.S*x, d)+eps/sd, 2)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x0, eps := normals(1), normals(2)
			for k := range uint64(30) {
				sigma := c.of.Sigma(3, k, 0)
				var p diffusion.Parametrization = v
				if lowest, highest := chain.SigmaRange(); sigma < lowest || sigma > highest {
					p = diffusion.EDM{SigmaData: 0.6}
				}
				input, target := make([]float32, 32), make([]float32, 32)
				pair, err := Regress(input, target, x0, eps, sigma, p, c.of)
				if err != nil {
					t.Fatal(err)
				}
				coefficients, _ := p.Coefficients(sigma)
				got, want := 0.0, 0.0
				for i := range input {
					const f = 0.7 // what some network answered
					x := float64(x0[i]) + float64(sigma)*float64(eps[i])
					want += c.paper(float64(x0[i]), float64(eps[i]), x, coefficients.CSkip*x+coefficients.COut*f, float64(sigma))
					got += float64(pair.Weight) * math.Pow(f-float64(target[i]), 2)
				}
				if !(math.Abs(got-want) <= 1e-4*want) {
					t.Errorf("σ = %g: the loss is %g, the paper's %g", sigma, got, want)
				}
			}
		})
	}
}

// Times are uniform, and so are the levels of an NCSN.
func TestTimesAreUniform(t *testing.T) {
	const n = 20000
	gamma := &diffusion.Monotone{Start: -6, End: 5, Slope: 1, Units: [][3]float64{{6, -3, 0.5}}}
	levels := NewNCSN(diffusion.SMLD{VESDE: diffusion.VESDE{SigmaMin: 0.01, SigmaMax: 1}, Levels: 10})
	for _, c := range []struct {
		name string
		of   Objective
		time func(sigma float32) (float64, error)
		want float64 // variance
	}{
		{"flow", FlowMatching{}, diffusion.RectifiedFlow{}.Time, 1. / 12},
		{"vdm", VDM{diffusion.Variational{Gamma: gamma}}, diffusion.Variational{Gamma: gamma}.Time, 1. / 12},
		{"ncsn", levels, func(sigma float32) (float64, error) { // levels in the middle of tenths
			return (math.Round(9*math.Log(float64(sigma)/0.01)/math.Log(100)) + 0.5) / 10, nil
		}, 99. / 1200},
	} {
		sum, squares := 0.0, 0.0
		for i := range uint64(n) {
			at, err := c.time(c.of.Sigma(1, i, 0))
			if err != nil {
				t.Fatal(err)
			}
			sum, squares = sum+at, squares+at*at
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if !(math.Abs(mean-0.5) <= 5*math.Sqrt(c.want/n) && math.Abs(variance-c.want) <= 5*c.want*math.Sqrt(0.8/n)) {
			t.Errorf("%s: times have mean %g and variance %g, want 0.5 and %g", c.name, mean, variance, c.want)
		}
	}
}

// Once each level has ten losses, levels are drawn with probabilities proportional to the
// root mean square of their losses. The weights compensate: the mean over draws equals that
// of uniform ones.
func TestImportanceIsUnbiased(t *testing.T) {
	const n = 40000
	losses := map[float32]float64{0.1: 4, 0.5: 0.5, 2: 1.5, 8: 2}
	of := NCSN{[]float32{0.1, 0.5, 2, 8}}
	o := NewImportance(of, of.Levels)
	for k := range importanceHistory {
		o.Update()
		if o.cumulative != nil {
			t.Fatalf("%d losses a level are enough", k)
		}
		for sigma, loss := range losses {
			o.Observe(sigma, loss*math.Sqrt(float64(2*(k%2)))) // loss²·0 and loss²·2
		}
	}
	for range 2 { // what is seen when drawn by importance says the same
		o.Update()
		counts, mean := map[float32]float64{}, 0.0
		for i := range uint64(n) {
			sigma := o.Sigma(1, i, 0)
			counts[sigma]++
			mean += o.Lambda(sigma) / of.Lambda(sigma) * losses[sigma] / n
		}
		for sigma, loss := range losses {
			p := loss / 8
			if bound := 5 * math.Sqrt(n*p*(1-p)); !(math.Abs(counts[sigma]-n*p) <= bound) {
				t.Errorf("σ = %g was drawn %g times, want %g ± %.0f", sigma, counts[sigma], n*p, bound)
			}
			for range importanceHistory {
				o.Observe(sigma, loss*o.Lambda(sigma)/of.Lambda(sigma))
			}
		}
		if !(math.Abs(mean-2) <= 1e-6) { // of losses in proportion to their odds every draw counts the same
			t.Errorf("the mean loss is %g, want 2", mean)
		}
	}
}

// Song et al. 2023, appendix C: N(k) = ⌈√(k/K·((s₁+1)² − s₀²) + s₀²) − 1⌉ + 1 and μ(k) =
// exp(s₀·ln μ₀/N(k)).
func TestConsistencyLevelCount(t *testing.T) {
	for step, want := range map[int]int{0: 2, 1: 6, 250: 76, 500: 107, 999: 151, 1000: 151} {
		if got := ConsistencyLevelCount(2, 150, step, 1000); got != want {
			t.Errorf("%d levels at step %d, want %d", got, step, want)
		}
	}
	for n, want := range map[int]float64{2: 0.9, 151: 0.998605} {
		if got := ConsistencyDecay(0.9, 2, n); !(math.Abs(got-want) <= 1e-6) {
			t.Errorf("decay of %d levels is %g, want %g", n, got, want)
		}
	}
}

// The default γ of min-snr.
func TestMinSNRDefaultGamma(t *testing.T) {
	c := smallConfig()
	c.Objective = "min-snr"
	of, err := c.objective()
	if o, ok := of.(MinSNR); err != nil || !ok || o.Gamma != 5 {
		t.Errorf("got %+v, %v, want the paper's 5", of, err)
	}
}

// batchOf returns a batch of n synthetic images of size values with 256 levels.
func batchOf(n, size, out, directions int) *Batch {
	b := NewBatch(n, size, out, directions)
	b.N, b.Seed, b.Weight = n, 5, 0.25
	for i := range b.Clean {
		b.Clean[i] = float32(i*37%256)/127.5 - 1
	}
	for i := range b.Draw {
		b.Draw[i] = uint64(i)
	}
	b.Out = make([]float32, n*out)
	for i := range b.Out { // that central differences do not round
		b.Out[i] = float32(math.Round((uniform(1, uint64(i), 8)-0.5)*1024)) / 1024
	}
	return b
}

// Algorithms 2 and 3 of Song et al. 2023 with the metric and weight of Song & Dhariwal 2023.
func TestConsistencyMatchesItsPaper(t *testing.T) {
	predicts := diffusion.Consistency{SigmaData: 0.5, SigmaMin: 0.05}
	levels := ConsistencyLevels(6, 0.05, 5)
	for _, teacher := range []BatchDenoiser{nil, three.denoise} {
		t.Run(fmt.Sprintf("distillation %v", teacher != nil), func(t *testing.T) {
			b := batchOf(12, 2, 2, 0)
			var next, low []float32
			l := &Consistency{Parametrization: predicts, Levels: levels, Teacher: teacher, Target: func(out, x, sigma, _ []float32) error {
				next, low = append(next, x...), append(low, sigma...)
				for i := range out {
					out[i] = 0.1
				}
				return nil
			}}
			if err := l.Prepare(b); err != nil {
				t.Fatal(err)
			}
			l.Evaluate(b)
			for i := range b.N {
				high := levels[1]
				for k, s := range levels[:5] {
					if s == low[i] {
						high = levels[k+1]
					}
				}
				c, _ := predicts.Coefficients(high)
				from, to := float64(high), float64(low[i])
				var x, z [2]float64
				for j := range x {
					x[j] = float64(b.X[2*i+j]) / c.CIn
					z[j] = (x[j] - float64(b.Clean[2*i+j])) / from
				}
				squares := 0.0
				for j := range x {
					want := float64(b.Clean[2*i+j]) + to*z[j]
					if teacher != nil {
						d, _, _ := three.posterior([]float32{float32(x[0]), float32(x[1])}, from)
						var u [2]float32
						for m := range u {
							u[m] = float32(x[m] + (to-from)*(x[m]-d[m])/from)
						}
						e, _, _ := three.posterior(u[:], to)
						want = x[j] + (to-from)/2*((x[j]-d[j])/from+(float64(u[j])-e[j])/to)
					}
					if !(math.Abs(float64(next[2*i+j])-want) <= 1e-5*(1+from)) {
						t.Errorf("from σ = %g to %g: x′ is %g, want %g", from, to, next[2*i+j], want)
					}
					off := c.CSkip*x[j] + c.COut*float64(b.Out[2*i+j]) - float64(float32(0.1))
					squares += off * off
				}
				huber := 0.00054 * math.Sqrt(2)
				want := (math.Sqrt(squares+huber*huber) - huber) / (from - to) / 2 // a number
				if !(math.Abs(b.Loss[i]-want) <= 1e-4*want) {
					t.Errorf("from σ = %g to %g: the loss is %g, want %g", from, to, b.Loss[i], want)
				}
			}
		})
	}
}

// Hyvärinen 2005, eq. 4, and Song et al. 2019, eq. 7 and 8, for a network with a known
// Jacobian.
func TestImplicitScoreMatchingMatchesItsPapers(t *testing.T) {
	const C, size = 2, 4
	s, J := func(j int) float64 { return float64(j) - 1.25 }, func(i, j int) float64 { return float64(i*i-3*j) / 4 }
	for _, c := range []struct {
		name       string
		l          Loss
		directions int
	}{{"ism", ISM{C}, size}, {"ssm", SSM{Channels: C}, 3}, {"ssm-vr", SSM{Channels: C, Reduced: true}, 3}, {"ssm of ±1", SSM{Channels: C, Rademacher: true}, 2}} {
		b := batchOf(1, size, size*(1+c.directions), c.directions)
		if err := c.l.Prepare(b); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for j := range size {
			if c.name == "ism" {
				want += J(j, j)
			}
			if c.name == "ism" || c.name == "ssm-vr" {
				want += s(j) * s(j) / 2
			}
		}
		for j := range size { // a pixel's answer: s of its channels, then J·v of each direction's
			at := j/C*C*(1+c.directions) + j%C
			b.Out[at] = float32(s(j))
			for m, v := range b.Directions {
				along := 0.0
				for i := range size {
					along += J(j, i) * float64(v[i])
				}
				b.Out[at+(m+1)*C] = float32(along)
			}
		}
		for _, v := range b.Directions {
			var curved, slope float64 // vᵀJv and vᵀs
			for j := range size {
				slope += float64(v[j]) * s(j)
				for i := range size {
					curved += float64(v[j]) * J(j, i) * float64(v[i])
				}
			}
			switch c.name {
			case "ism":
			case "ssm-vr":
				want += curved / float64(c.directions)
			default:
				want += (curved + slope*slope/2) / float64(c.directions)
			}
		}
		c.l.Evaluate(b)
		if !(math.Abs(b.Loss[0]-want/size) <= 1e-5*(1+math.Abs(want))) {
			t.Errorf("%s: the loss is %g, want %g", c.name, b.Loss[0], want/size)
		}
	}
}
