package sampler

import "math"

// reference is a paper's algorithm, line for line, in the paper's coordinates and in
// float64, for one pixel with the denoiser of two. It takes x from sigmas[0] to the end. z
// returns the noise of a stream.
type reference func(x float64, sigmas []float64, z func(stream uint32) float64) float64

// vpScale returns α and σ of the variance-preserving process at a noise level.
func vpScale(sigma float64) (alpha, noise float64) {
	alpha = 1 / math.Sqrt(1+sigma*sigma)
	return alpha, sigma * alpha
}

// predict returns the network's predictions of x₀ and ε for z in those coordinates.
func predict(z, sigma float64) (x0, eps float64) {
	alpha, noise := vpScale(sigma)
	x0 = two.at(z/alpha, sigma)
	return x0, (z - alpha*x0) / noise
}

// ddimReference is eq. 12 of Song, Meng & Ermon 2021 with σ of eq. 16, where α stands for ᾱ.
func ddimReference(eta float64) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha := func(i int) float64 { return 1 / (1 + sigmas[i]*sigmas[i]) }
		x *= math.Sqrt(alpha(0))
		for i := range len(sigmas) - 1 {
			t, s := alpha(i), alpha(i+1)
			x0, eps := predict(x, sigmas[i])
			sd := eta * math.Sqrt((1-s)/(1-t)) * math.Sqrt(1-t/s)
			x = math.Sqrt(s)*x0 + math.Sqrt(1-s-sd*sd)*eps + sd*z(StreamStep+uint32(i))
		}
		return x
	}
}

// sdeReference is SDE-DPM-Solver and SDE-DPM-Solver++ of order 1 and 2M: Lu et al. 2022,
// arXiv:2211.01095, section 5, for a variance-preserving process.
func sdeReference(clean bool, order int) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha, noise := vpScale(sigmas[0])
		x *= alpha
		var before, hBefore float64
		for i := range len(sigmas) - 1 {
			x0, eps := predict(x, sigmas[i])
			if sigmas[i+1] == 0 {
				return x0
			}
			h := math.Log(sigmas[i] / sigmas[i+1])
			next, nextNoise := vpScale(sigmas[i+1])
			noiseStep := z(StreamStep + uint32(i))
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
				x = nextNoise/noise*math.Exp(-h)*x + next*part*x0 + next*part/2*slope + nextNoise*math.Sqrt(part)*noiseStep
			} else {
				x = next/alpha*x - 2*nextNoise*math.Expm1(h)*eps - nextNoise*math.Expm1(h)*slope + nextNoise*math.Sqrt(math.Expm1(2*h))*noiseStep
			}
			alpha, noise, before, hBefore = next, nextNoise, value, h
		}
		return x
	}
}

// unipcReference is UniPC of order p on the predicted x₀: Zhao et al. 2023, arXiv:2302.04867,
// Algorithms 1 and 2 and eq. 3, 8 and 9, whose a₁ is ½ for a single difference. With noise it is
// on the predicted ε, where h has the other sign.
func unipcReference(p, bh int, noise bool) reference {
	return func(x float64, sigmas []float64, _ func(uint32) float64) float64 {
		alpha, _ := vpScale(sigmas[0])
		x *= alpha
		var at, values []float64 // λ and x₀ of the evaluations, the newest last
		start := x               // x̃_{i−1}, corrected
		// move goes from start, at evaluation base, to level with the last p values, and with
		// ahead also with evaluation base+1.
		move := func(level float64, base int, ahead bool) float64 {
			next, nextNoise := vpScale(level)
			_, from := vpScale(math.Exp(-at[base]))
			h := -math.Log(level) - at[base]
			hh := -h // of data prediction
			if noise {
				hh = h
			}
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
			for m, a := range unipcWeights(r, hh, b) {
				sum += a * d[m]
			}
			if noise {
				before, _ := vpScale(math.Exp(-at[base]))
				return next/before*start - nextNoise*math.Expm1(hh)*values[base] - nextNoise*b*sum
			}
			return nextNoise/from*start - next*math.Expm1(hh)*values[base] - next*b*sum
		}
		for i := range len(sigmas) - 1 {
			x0, eps := predict(x, sigmas[i])
			value := x0
			if noise {
				value = eps
			}
			at, values = append(at, -math.Log(sigmas[i])), append(values, value)
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

// unipcWeights solves R·a = b: Σ_m r_mᵏ⁻¹·a_m = k!·hh·φ_{k+1}(hh)/B, k = 1 … n.
func unipcWeights(r []float64, hh, b float64) []float64 {
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

// predictorCorrectorReference is Algorithms 2 and 4 of Song et al. 2021; for annealed
// dynamics it has the step size of their program, 2·(r·σ)².
func predictorCorrectorReference(predict func(x, sigma, next, z float64) float64, annealed bool, snr float64, steps int) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		for i := range len(sigmas) - 1 {
			if sigmas[i+1] == 0 {
				return two.at(x, sigmas[i])
			}
			stream := StreamStep + uint32(i)
			x = predict(x, sigmas[i], sigmas[i+1], z(stream))
			for m := range steps {
				zm, g := z(stream+uint32(m+1)*StreamInner), score(x, sigmas[i+1])
				eps := 2 * math.Pow(snr*math.Abs(zm)/math.Abs(g), 2)
				eps = min(eps, sigmas[i+1]*sigmas[i+1]) // a bound of this program
				if annealed {
					eps = 2 * math.Pow(snr*sigmas[i+1], 2)
				}
				x += eps*g + math.Sqrt(2*eps)*zm
			}
		}
		return x
	}
}

// annealedReference is Algorithm 1 of Song & Ermon 2019, with a final D.
func annealedReference(T int, epsilon float64) reference {
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

// heunReference is Algorithm 2 of Karras et al. 2022, t̂ no higher than t₀.
func heunReference(c Churn) reference {
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

// dpm2AncestralReference is sample_dpm_2_ancestral of k-diffusion.
func dpm2AncestralReference(x float64, sigmas []float64, z func(uint32) float64) float64 {
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

// dpmppSDEReference is sample_dpmpp_sde of k-diffusion with r = ½ and η = 1. Its noise is
// that of the two halves, where k-diffusion uses a Brownian tree.
func dpmppSDEReference(x float64, sigmas []float64, z func(uint32) float64) float64 {
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
		// The reverse SDE damps noise added at σ_s by (σ′/σ_s)² at σ′.
		_, second := ancestralStep(s, next)
		x = down/t*x + (1-down/t)*two.at(u, s) + math.Pow(next/s, 2)*up*z1 + second*z2
	}
	return x
}

// ddpmReference is eq. 7 of Ho et al. 2020 with the given variance.
func ddpmReference(variance func(beta, small, before, sigma, d float64) float64) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha := func(i int) float64 { return 1 / (1 + sigmas[i]*sigmas[i]) } // ᾱ
		x *= math.Sqrt(alpha(0))
		for i := range len(sigmas) - 1 {
			t, s := alpha(i), alpha(i+1)
			beta := 1 - t/s
			small := (1 - s) / (1 - t) * beta
			x0, _ := predict(x, sigmas[i])
			x = math.Sqrt(s)*beta/(1-t)*x0 + math.Sqrt(1-beta)*(1-s)/(1-t)*x
			if sigmas[i+1] > 0 {
				x += math.Sqrt(variance(beta, small, s, sigmas[i], x0)) * z(StreamStep+uint32(i))
			}
		}
		return x
	}
}

// flowHeunReference is Heun's rule on dz/dt = (z − D)/t, z = (1−t)·x₀ + t·ε.
func flowHeunReference(x float64, sigmas []float64, _ func(uint32) float64) float64 {
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
