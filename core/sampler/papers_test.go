package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// lines is a paper's algorithm, line for line, in its own coordinates and in float64, of one
// pixel whose denoiser is two's: from x at sigmas[0] to what is left at the end. z is the
// number that a stream holds.
type lines func(x float64, sigmas []float64, z func(stream uint32) float64) float64

// preserving returns α and σ of a variance-preserving process at a noise level.
func preserving(sigma float64) (alpha, noise float64) {
	alpha = 1 / math.Sqrt(1+sigma*sigma)
	return alpha, sigma * alpha
}

// inPaper returns what a network says of z in those coordinates: x₀ and ε.
func inPaper(z, sigma float64) (x0, eps float64) {
	alpha, noise := preserving(sigma)
	x0 = two.at(z/alpha, sigma)
	return x0, (z - alpha*x0) / noise
}

// ddimLines is eq. 12 of Song, Meng & Ermon 2021 with σ of eq. 16, where α stands for ᾱ.
func ddimLines(eta float64) lines {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha := func(i int) float64 { return 1 / (1 + sigmas[i]*sigmas[i]) }
		x *= math.Sqrt(alpha(0))
		for i := range len(sigmas) - 1 {
			t, s := alpha(i), alpha(i+1)
			x0, eps := inPaper(x, sigmas[i])
			sd := eta * math.Sqrt((1-s)/(1-t)) * math.Sqrt(1-t/s)
			x = math.Sqrt(s)*x0 + math.Sqrt(1-s-sd*sd)*eps + sd*z(StreamStep+uint32(i))
		}
		return x
	}
}

// sdeLines is SDE-DPM-Solver and SDE-DPM-Solver++ of order 1 and 2M: Lu et al. 2022,
// arXiv:2211.01095, section 5, for a variance-preserving process.
func sdeLines(clean bool, order int) lines {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha, noise := preserving(sigmas[0])
		x *= alpha
		var before, hBefore float64
		for i := range len(sigmas) - 1 {
			x0, eps := inPaper(x, sigmas[i])
			if sigmas[i+1] == 0 {
				return x0
			}
			h := math.Log(sigmas[i] / sigmas[i+1])
			next, nextNoise := preserving(sigmas[i+1])
			dice := z(StreamStep + uint32(i))
			value := eps
			if clean {
				value = x0
			}
			slope := 0.0 // (1/r)·(value − before)
			if order == 2 && i > 0 {
				slope = (value - before) / (hBefore / h)
			}
			if clean {
				part := 1 - math.Exp(-2*h)
				x = nextNoise/noise*math.Exp(-h)*x + next*part*x0 + next*part/2*slope + nextNoise*math.Sqrt(part)*dice
			} else {
				x = next/alpha*x - 2*nextNoise*math.Expm1(h)*eps - nextNoise*math.Expm1(h)*slope + nextNoise*math.Sqrt(math.Expm1(2*h))*dice
			}
			alpha, noise, before, hBefore = next, nextNoise, value, h
		}
		return x
	}
}

// uniLines is UniPC of order p on the predicted x₀: Zhao et al. 2023, arXiv:2302.04867,
// Algorithms 1 and 2 and eq. 3, 8 and 9, whose a₁ is ½ for a single difference.
func uniLines(p, bh int) lines {
	return func(x float64, sigmas []float64, _ func(uint32) float64) float64 {
		alpha, _ := preserving(sigmas[0])
		x *= alpha
		var at, values []float64 // λ and x₀ of the places asked at, the newest last
		start := x               // x̃_{i−1}, corrected
		// move goes from start, which is where base is, to level with the last p values, or
		// with the one ahead of base besides.
		move := func(level float64, base int, ahead bool) float64 {
			next, nextNoise := preserving(level)
			_, from := preserving(math.Exp(-at[base]))
			h := -math.Log(level) - at[base]
			hh := -h // of data prediction
			b := math.Expm1(hh)
			if bh == 1 {
				b = hh
			}
			var r, d []float64
			for m := base - 1; m >= 0 && len(r) < p-1; m-- {
				r = append(r, (at[m]-at[base])/h)
				d = append(d, (values[m]-values[base])/r[len(r)-1])
			}
			if ahead {
				r, d = append(r, 1), append(d, values[base+1]-values[base])
			}
			sum := 0.0
			for m, a := range uniWeights(r, hh, b) {
				sum += a * d[m]
			}
			return nextNoise/from*start - next*math.Expm1(hh)*values[base] - next*b*sum
		}
		for i := range len(sigmas) - 1 {
			x0, _ := inPaper(x, sigmas[i])
			at, values = append(at, -math.Log(sigmas[i])), append(values, x0)
			if sigmas[i+1] == 0 {
				return x0
			}
			if i > 0 {
				x = move(sigmas[i], i-1, true) // UniC, once x₀ is known at UniP's x
			}
			start = x
			x = move(sigmas[i+1], i, false)
		}
		return start
	}
}

// uniWeights solves R·a = b: Σ_m r_mᵏ⁻¹·a_m = k!·hh·φ_{k+1}(hh)/B, k = 1 … n.
func uniWeights(r []float64, hh, b float64) []float64 {
	n := len(r)
	if n == 1 {
		return []float64{0.5}
	}
	rows := make([][]float64, n)
	phi, factorial := math.Expm1(hh)/hh-1, 1.0
	for k := range rows {
		for _, v := range r {
			rows[k] = append(rows[k], math.Pow(v, float64(k)))
		}
		rows[k] = append(rows[k], phi*factorial/b)
		factorial *= float64(k + 2)
		phi = phi/hh - 1/factorial
	}
	for k := range n { // Gauss and Jordan
		for j := range n {
			if j == k {
				continue
			}
			factor := rows[j][k] / rows[k][k]
			for c := range rows[j] {
				rows[j][c] -= factor * rows[k][c]
			}
		}
	}
	a := make([]float64, n)
	for k := range a {
		a[k] = rows[k][n] / rows[k][k]
	}
	return a
}

// score is ∇ log p(x;σ).
func score(x, sigma float64) float64 { return (two.at(x, sigma) - x) / (sigma * sigma) }

// correctorLines is Algorithms 2 and 4 of Song et al. 2021, and for annealed dynamics the
// step of their program, 2·(r·σ)².
func correctorLines(predict func(x, sigma, next, z float64) float64, annealed bool, snr float64, steps int) lines {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		for i := range len(sigmas) - 1 {
			if sigmas[i+1] == 0 {
				return two.at(x, sigmas[i])
			}
			stream := StreamStep + uint32(i)
			x = predict(x, sigmas[i], sigmas[i+1], z(stream))
			for m := range steps {
				dice, g := z(stream+uint32(m+1)*StreamInner), score(x, sigmas[i+1])
				eps := 2 * math.Pow(snr*math.Abs(dice)/math.Abs(g), 2)
				if annealed {
					eps = 2 * math.Pow(snr*sigmas[i+1], 2)
				}
				x += eps*g + math.Sqrt(2*eps)*dice
			}
		}
		return x
	}
}

// annealedLines is Algorithm 1 of Song & Ermon 2019, and D at the end.
func annealedLines(T int, epsilon float64) lines {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		lowest := sigmas[len(sigmas)-2]
		for i, sigma := range sigmas[:len(sigmas)-1] {
			alpha := epsilon * sigma * sigma / (lowest * lowest)
			for m := 1; m <= T; m++ {
				stream := StreamStep + uint32(max(i-1, 0)) + uint32(m)*StreamInner
				if i == 0 {
					stream += uint32(T) * StreamInner
				}
				x += alpha/2*score(x, sigma) + math.Sqrt(alpha)*z(stream)
			}
		}
		return two.at(x, lowest)
	}
}

// churnLines is Algorithm 2 of Karras et al. 2022, t̂ no higher than t₀.
func churnLines(c Churn) lines {
	return func(x float64, t []float64, z func(uint32) float64) float64 {
		steps := len(t) - 1
		for i := range steps {
			gamma := 0.0
			if t[i] >= c.Min && t[i] <= c.Max {
				gamma = min(c.S/float64(steps), math.Sqrt2-1)
			}
			up := min(t[i]+gamma*t[i], t[0])
			x += math.Sqrt(up*up-t[i]*t[i]) * c.Noise * z(StreamStep+uint32(i))
			d := (x - two.at(x, up)) / up
			next := x + (t[i+1]-up)*d
			if t[i+1] != 0 {
				prime := (next - two.at(next, t[i+1])) / t[i+1]
				next = x + (t[i+1]-up)*(d/2+prime/2)
			}
			x = next
		}
		return x
	}
}

// ancestralStep is get_ancestral_step of Crowson's k-diffusion.
func ancestralStep(from, to float64) (down, up float64) {
	up = math.Sqrt(to * to * (from*from - to*to) / (from * from))
	return math.Sqrt(to*to - up*up), up
}

// dpm2AncestralLines is sample_dpm_2_ancestral of k-diffusion.
func dpm2AncestralLines(x float64, sigmas []float64, z func(uint32) float64) float64 {
	for i := range len(sigmas) - 1 {
		if sigmas[i+1] == 0 {
			return two.at(x, sigmas[i])
		}
		down, up := ancestralStep(sigmas[i], sigmas[i+1])
		d := (x - two.at(x, sigmas[i])) / sigmas[i]
		middle := math.Exp((math.Log(sigmas[i]) + math.Log(down)) / 2)
		u := x + d*(middle-sigmas[i])
		x += (u-two.at(u, middle))/middle*(down-sigmas[i]) + up*z(StreamStep+uint32(i))
	}
	return x
}

// dpmppSDELines is sample_dpmpp_sde of k-diffusion with r = ½, η = 1 and the two halves'
// noise, where that takes it from a Brownian tree.
func dpmppSDELines(x float64, sigmas []float64, z func(uint32) float64) float64 {
	for i := range len(sigmas) - 1 {
		t, next := sigmas[i], sigmas[i+1]
		first := two.at(x, t)
		if next == 0 {
			return first
		}
		s := math.Exp((math.Log(t) + math.Log(next)) / 2)
		z1, z2 := z(StreamStep+uint32(i)+StreamInner), z(StreamStep+uint32(i))
		down, up := ancestralStep(t, s)
		u := down/t*x + (1-down/t)*first + up*z1
		down, _ = ancestralStep(t, next)
		// A reverse SDE forgets: noise at s counts (σ′/σ_s)² at σ′.
		_, second := ancestralStep(s, next)
		x = down/t*x + (1-down/t)*two.at(u, s) + math.Pow(next/s, 2)*up*z1 + second*z2
	}
	return x
}

// ancestralLines is eq. 7 of Ho et al. 2020 with a variance of its own.
func ancestralLines(variance func(beta, small, before, sigma, d float64) float64) lines {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha := func(i int) float64 { return 1 / (1 + sigmas[i]*sigmas[i]) } // ᾱ
		x *= math.Sqrt(alpha(0))
		for i := range len(sigmas) - 1 {
			t, s := alpha(i), alpha(i+1)
			beta := 1 - t/s
			small := (1 - s) / (1 - t) * beta
			x0, _ := inPaper(x, sigmas[i])
			x = math.Sqrt(s)*beta/(1-t)*x0 + math.Sqrt(1-beta)*(1-s)/(1-t)*x
			if sigmas[i+1] > 0 {
				x += math.Sqrt(variance(beta, small, s, sigmas[i], x0)) * z(StreamStep+uint32(i))
			}
		}
		return x
	}
}

// flowHeunLines is Heun's rule on dz/dt = (z − D)/t, z = (1−t)·x₀ + t·ε.
func flowHeunLines(x float64, sigmas []float64, _ func(uint32) float64) float64 {
	time := func(sigma float64) float64 { return sigma / (1 + sigma) }
	v := func(z, t float64) float64 { return (z - two.at(z/(1-t), t/(1-t))) / t }
	z := x * (1 - time(sigmas[0]))
	for i := range len(sigmas) - 1 {
		t, next := time(sigmas[i]), time(sigmas[i+1])
		slope := v(z, t)
		to := z + (next-t)*slope
		if next > 0 {
			to = z + (next-t)/2*(slope+v(to, next))
		}
		z = to
	}
	return z
}

// Samplers whose steps are few and long, which is where a wrong factor shows: number for
// number what their papers' lines give.
func TestSamplersAreTheirPapers(t *testing.T) {
	diffuse := func(x, sigma, next, z float64) float64 { // Algorithm 2, lines 5 and 6
		fall := sigma*sigma - next*next
		return x + fall*score(x, sigma) + math.Sqrt(fall)*z
	}
	maruyama := func(x, sigma, next, z float64) float64 { // g = σ·√(2 ln(σ_max/σ_min)), in t from 0 to 1
		const rise = 6 // ln(σ_max/σ_min): of any process
		g, dt := sigma*math.Sqrt(2*rise), math.Log(sigma/next)/rise
		return x + g*g*score(x, sigma)*dt + g*math.Sqrt(dt)*z
	}
	ancestral := func(x, sigma, next, z float64) float64 { // appendix F
		fall := sigma*sigma - next*next
		return x + fall*score(x, sigma) + math.Sqrt(next*next*fall/(sigma*sigma))*z
	}
	churn, wide := Churn{S: 3, Min: 0.1, Max: 2, Noise: 1.1}, Churn{S: 1, Max: 9, Noise: 1}
	spread := settings(Method{Needs: NeedsPosterior}).Posterior
	for _, c := range []struct {
		s  Settings
		by lines
	}{
		{Settings{Method: "ddim", Eta: 0.6}, ddimLines(0.6)},
		{Settings{Method: "ddim", Eta: 1}, ddimLines(1)},
		{Settings{Method: "sde-dpm", Options: Options{Order: 1}}, sdeLines(false, 1)},
		{Settings{Method: "sde-dpm"}, sdeLines(false, 2)},
		{Settings{Method: "sde-dpmpp", Options: Options{Order: 1}}, sdeLines(true, 1)},
		{Settings{Method: "sde-dpmpp"}, sdeLines(true, 2)},
		{Settings{Method: "sde-dpmpp-singlestep"}, dpmppSDELines},
		{Settings{Method: "dpm2-ancestral"}, dpm2AncestralLines},
		{Settings{Method: "unipc", Options: Options{Order: 1}}, uniLines(1, 2)},
		{Settings{Method: "unipc", Options: Options{Order: 1, BH: 1}}, uniLines(1, 1)},
		{Settings{Method: "unipc", Options: Options{Order: 2}}, uniLines(2, 2)},
		{Settings{Method: "unipc", Options: Options{Order: 2, BH: 1}}, uniLines(2, 1)},
		{Settings{Method: "unipc"}, uniLines(3, 2)},
		{Settings{Method: "pc", Options: Options{CorrectorSteps: 2}}, correctorLines(diffuse, false, 0.16, 2)},
		{Settings{Method: "pc", Options: Options{Predictor: "euler-maruyama", Corrector: CorrectorAnnealed, SNR: 0.2}}, correctorLines(maruyama, true, 0.2, 1)},
		{Settings{Method: "pc", Options: Options{Predictor: "ancestral", SNR: 0.05}}, correctorLines(ancestral, false, 0.05, 1)},
		{Settings{Method: "pc", Options: Options{Predictor: "ancestral", Corrector: CorrectorNone}}, correctorLines(ancestral, false, 1, 0)},
		{Settings{Method: "annealed-langevin", Options: Options{CorrectorSteps: 3, Epsilon: 2e-4}}, annealedLines(3, 2e-4)},
		{Settings{Method: "annealed-langevin", Options: Options{CorrectorSteps: 2}}, annealedLines(2, 0.2*0.05*0.05)},
		{Settings{Method: "heun", Options: Options{Churn: churn}}, churnLines(churn)},
		{Settings{Method: "heun", Options: Options{Churn: wide}}, churnLines(wide)},
		{Settings{Method: "flow-heun"}, flowHeunLines},
		{Settings{Method: "ddpm-large"}, ancestralLines(func(beta, _, _, _, _ float64) float64 { return beta })},
		{Settings{Method: "ddpm-learned"}, ancestralLines(func(beta, small, _, _, d float64) float64 {
			v := 2.2*math.Abs(float64(float32(d))) - 1.1 // as of knowing
			u := (v + 1) / 2
			return math.Exp(u*math.Log(beta) + (1-u)*math.Log(small)) // Nichol & Dhariwal 2021, eq. 15
		})},
		{Settings{Method: "ddpm-analytic", Posterior: spread}, ancestralLines(func(beta, small, s, sigma, _ float64) float64 {
			// Bao et al. 2022, eq. 8: β̄ is 1 − ᾱ, α is 1 − β, and 1 − β̄·E‖∇‖²/d the spread over σ².
			bar := sigma * sigma / (1 + sigma*sigma)
			off := math.Sqrt(bar/(1-beta)) - math.Sqrt(1-s-small)
			return small + off*off*spread.At(float32(sigma))/(sigma*sigma)
		})},
	} {
		t.Run(c.s.Method+asked(c.s.Options), func(t *testing.T) {
			const n, steps = 12, 7
			sigmas, noise := karras(t, steps, 0.05, 5), NewNoise(9, 0, n, 1, 1, 1)
			start := Start(noise, sigmas)
			got, err := Run(c.s, knowing(c.s, two.denoise), start, sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			levels := make([]float64, len(sigmas))
			for i, s := range sigmas {
				levels[i] = float64(s)
			}
			for i, v := range got.Data {
				want := c.by(float64(start.Data[i]), levels, func(stream uint32) float64 { return float64(noise(stream).Data[i]) })
				// Some roundings a step of numbers up to 5·sigmas[0], which between the modes
				// grow less than a hundredfold.
				if bound := steps * 100 * u32 * float64(sigmas[0]); !(math.Abs(float64(v)-want) <= bound) {
					t.Errorf("number %d is %g, the paper's lines give %g ± %.2g", i, v, want, bound)
				}
			}
		})
	}
}

// Algorithm 1 of Jolicoeur-Martineau et al. 2021 for the variance-exploding process, one
// step a level: they are so close that no error is too large.
func TestAdaptiveSDEIsItsPaper(t *testing.T) {
	const n, ratio, rise = 12, 1.05, 6
	noise := NewNoise(9, 0, n, 1, 1, 1)
	sigmas := make([]float32, 30)
	for i := range sigmas {
		sigmas[i] = float32(2 * math.Pow(ratio, -float64(i)))
	}
	start, path := Start(noise, sigmas), NewBrownian(noise)
	denoise, calls := counted(two)
	got, err := AdaptiveSDE(denoise, start, sigmas, Tolerance{1, 1}, noise, nil)
	if err != nil || *calls != 2*(len(sigmas)-1) {
		t.Fatalf("%v, %d calls, want a step a level", err, *calls)
	}
	for i, v := range got.Data {
		x := float64(start.Data[i])
		for k := range len(sigmas) - 1 {
			t, next := float64(sigmas[k]), float64(sigmas[k+1])
			h, z := math.Log(t/next)/rise, float64(path.Between(t, next).Data[i])
			g := func(sigma float64) float64 { return sigma * math.Sqrt(2*rise) }
			euler := x + h*g(t)*g(t)*score(x, t) + math.Sqrt(h)*g(t)*z
			other := x + h*g(next)*g(next)*score(euler, next) + math.Sqrt(h)*g(next)*z
			x = (euler + other) / 2
		}
		if bound := 30 * 100 * u32 * 2.; !(math.Abs(float64(v)-x) <= bound) {
			t.Errorf("number %d is %g, the paper's lines give %g ± %.2g", i, v, x, bound)
		}
	}
}

// On data of one point, in steps of one ratio u = σ/σ′, each step of SDE-DPM-Solver of order 1
// leaves 2 − u of what x is off by, in units of the level, and adds noise of variance u² − 1:
// in the long run it has (u+1)/(3−u) times the variance it should have, and from u = 3 on it
// grows without end. Of order 2, what is left solves λ² − (3−2u)·λ − (u−1) = 0, and grows from
// u = 5/3 on. SDE-DPM-Solver++ has the right variance whatever u.
func TestSDEDPMSolverGrowsInLongSteps(t *testing.T) {
	at := mixture{{0, 0, 1}}
	off := func(name string, order int, u float64, steps int) *tensor.Tensor {
		sigmas := make([]float32, steps+1)
		for i := range sigmas {
			sigmas[i] = float32(math.Pow(u, float64(steps/2-i)))
		}
		noise := NewNoise(3, 0, 1, many, 1, 1)
		x, err := Run(Settings{Method: name, Options: Options{Order: order}}, diffusion.Denoiser(at.denoise), Start(noise, sigmas), sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		return x.Scaled(1 / sigmas[steps])
	}
	for _, u := range []float64{1.2, 1.6, 2, 2.5} {
		checkVariance(t, "order 1", off("sde-dpm", 1, u, 40).Data, (u+1)/(3-u))
	}
	for _, u := range []float64{1.2, 2, 4} {
		checkVariance(t, "sde-dpmpp", off("sde-dpmpp", 2, u, 20).Data, 1)
	}
	for _, c := range []struct {
		order     int
		u         float64
		growing   bool
		fewer, of int
	}{{1, 2.8, false, 20, 40}, {1, 3.2, true, 20, 40}, {2, 1.55, false, 60, 120}, {2, 1.8, true, 60, 120}} {
		few, more := variance(off("sde-dpm", c.order, c.u, c.fewer).Data), variance(off("sde-dpm", c.order, c.u, c.of).Data)
		if growing := more > 2*few; growing != c.growing {
			t.Errorf("order %d in steps of %g: variance is %g after %d steps, %g after %d: want it to grow: %v", c.order, c.u, few, c.fewer, more, c.of, c.growing)
		}
	}
}
