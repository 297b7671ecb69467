package sampler

import "math"

// resReference is Algorithm 2 of Zhang et al. 2023, arXiv:2308.02157, with its φ functions.
func resReference(x float64, sigmas []float64, _ func(uint32) float64) float64 {
	var before, hBefore float64
	for i := range len(sigmas) - 1 {
		d := two.at(x, sigmas[i])
		if sigmas[i+1] == 0 {
			return d
		}
		h := math.Log(sigmas[i] / sigmas[i+1])
		phi1 := -math.Expm1(-h) / h
		phi2 := (1 - phi1) / h
		b1, b2 := phi1, 0.0
		if i > 0 {
			c2 := -hBefore / h
			b1, b2 = phi1-phi2/c2, phi2/c2
		}
		x = math.Exp(-h)*x + h*(b1*d+b2*before)
		before, hBefore = d, h
	}
	return x
}

// gradientReference is Algorithm 2 of Permenter & Yuan 2023: DDIM with the estimate
// ε̄ = γ·ε_i + (1−γ)·ε_{i−1}.
func gradientReference(gamma float64) reference {
	return func(x float64, sigmas []float64, _ func(uint32) float64) float64 {
		var before float64
		for i := range len(sigmas) - 1 {
			eps := (x - two.at(x, sigmas[i])) / sigmas[i]
			mean := gamma*eps + (1-gamma)*before
			if i == 0 || sigmas[i+1] == 0 {
				mean = eps
			}
			x, before = x+(sigmas[i+1]-sigmas[i])*mean, eps
		}
		return x
	}
}

// integrate is Simpson's rule.
func integrate(from, to float64, f func(float64) float64) float64 {
	const n = 2000
	dx, sum := (to-from)/n, f(from)+f(to)
	for i := 1; i < n; i++ {
		sum += []float64{2, 4}[i%2] * f(from+float64(i)*dx)
	}
	return sum * dx / 3
}

// lagrange returns the j-th of the polynomials that are 1 at one node and 0 at the others.
func lagrange(nodes []float64, j int) func(float64) float64 {
	return func(x float64) float64 {
		p := 1.0
		for k, node := range nodes {
			if k != j {
				p *= (x - node) / (nodes[j] - node)
			}
		}
		return p
	}
}

// saReference is Algorithm 1 of Xue et al. 2023, whose coefficients (eq. 15 and 18) are
// integrals of Lagrange polynomials in λ, in the coordinates of a variance-preserving process.
func saReference(order int, tau float64) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha, _ := vpScale(sigmas[0])
		x *= alpha
		var lambdas, values []float64
		var start, startNoise, startLambda, xi float64
		// step solves from start at startLambda to a level with the values at nodes.
		step := func(level float64, nodes, values []float64) float64 {
			_, nextNoise := vpScale(level)
			to := -math.Log(level)
			h := to - startLambda
			out := nextNoise / startNoise * math.Exp(-tau*tau*h) * start
			for j, v := range values {
				l := lagrange(nodes, j)
				out += v * nextNoise * integrate(startLambda, to, func(lambda float64) float64 {
					return math.Exp(-tau*tau*(to-lambda)) * (1 + tau*tau) * math.Exp(lambda) * l(lambda)
				})
			}
			return out + nextNoise*math.Sqrt(-math.Expm1(-2*tau*tau*h))*xi
		}
		var used int
		for i := range len(sigmas) - 1 {
			_, nowNoise := vpScale(sigmas[i])
			d, _ := predict(x, sigmas[i])
			lambdas, values = append(lambdas, -math.Log(sigmas[i])), append(values, d)
			if sigmas[i+1] == 0 {
				return d
			}
			if i > 0 {
				x = step(sigmas[i], lambdas[i-used:], values[i-used:])
			}
			used = min(i+1, order)
			start, startNoise, startLambda, xi = x, nowNoise, lambdas[i], z(StreamStep+uint32(i))
			x = step(sigmas[i+1], lambdas[i+1-used:], values[i+1-used:])
		}
		return x
	}
}

// threeMReference is sample_dpmpp_3m_sde of k-diffusion with eta 1.
func threeMReference(x float64, sigmas []float64, z func(uint32) float64) float64 {
	var d1, d2, h1, h2 float64
	for i := range len(sigmas) - 1 {
		d := two.at(x, sigmas[i])
		if sigmas[i+1] == 0 {
			return d
		}
		h := math.Log(sigmas[i] / sigmas[i+1])
		x = math.Exp(-2*h)*x - math.Expm1(-2*h)*d
		phi2 := math.Expm1(-2*h)/(2*h) + 1
		switch r0, r1 := h1/h, h2/h; {
		case i == 1:
			x += phi2 * (d - d1) / r0
		case i > 1:
			a, b := (d-d1)/r0, (d1-d2)/r1
			phi3 := phi2/(2*h) - 0.5
			x += phi2*(a+(a-b)*r0/(r0+r1)) - phi3*(a-b)/(r0+r1)
		}
		x += z(StreamStep+uint32(i)) * sigmas[i+1] * math.Sqrt(-math.Expm1(-2*h))
		d2, d1, h2, h1 = d1, d, h1, h
	}
	return x
}

// erReference is Algorithms 1 to 3 of Cui et al. 2023 for the variance-exploding process, with
// their differences of D; the integrals are accurate where the paper uses a Riemann sum.
func erReference(order int) reference {
	phi := func(s float64) float64 { return s * (math.Exp(math.Pow(s, 0.3)) + 10) }
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		var before, slopeBefore float64
		for i := range len(sigmas) - 1 {
			s, t := sigmas[i], sigmas[i+1]
			d := two.at(x, s)
			if t == 0 {
				return d
			}
			r := phi(t) / phi(s)
			x = r*x + (1-r)*d
			var slope float64
			if i > 0 {
				slope = (d - before) / (s - sigmas[i-1])
			}
			if i > 0 && order > 1 {
				x += (t - s + phi(t)*integrate(t, s, func(v float64) float64 { return 1 / phi(v) })) * slope
			}
			if i > 1 && order > 2 {
				second := (slope - slopeBefore) / ((s - sigmas[i-2]) / 2)
				bend := (t-s)*(t-s)/2 + phi(t)*integrate(t, s, func(v float64) float64 { return (v - s) / phi(v) })
				x += bend * second
			}
			x += math.Sqrt(t*t-s*s*r*r) * z(StreamStep+uint32(i))
			before, slopeBefore = d, slope
		}
		return x
	}
}

// restartReference is Algorithm 2 of Xu et al. 2023 for one interval, from the level nearest to low.
func restartReference(low, high float64, repeats, steps int) reference {
	ode := func(x float64, t []float64) float64 {
		return heunReference(Churn{Min: math.Inf(1)})(x, t, func(uint32) float64 { return 0 })
	}
	return func(x float64, t []float64, z func(uint32) float64) float64 {
		at := 1
		for i := range t[:len(t)-1] {
			if i > 0 && math.Abs(math.Log(t[i]/low)) < math.Abs(math.Log(t[at]/low)) {
				at = i
			}
		}
		x = ode(x, t[:at+1])
		back := make([]float64, steps+1)
		for i := range back {
			a, b := math.Pow(high, 1./7), math.Pow(t[at], 1./7)
			back[i] = math.Pow(a+float64(i)/float64(steps)*(b-a), 7)
		}
		for k := range repeats {
			x += math.Sqrt(high*high-t[at]*t[at]) * z(StreamStep+uint32(at-1)+uint32(k+1)*StreamInner)
			x = ode(x, back)
		}
		return ode(x, t[at:])
	}
}

// fastReference is DPM-Solver-fast: DPM-Solver-1, -2 and -3 of Lu et al. 2022, Algorithms 1 and 2 with
// any r₁ and r₂, in the coordinates of a variance-preserving process.
func fastReference(orders ...int) reference {
	return func(x float64, sigmas []float64, _ func(uint32) float64) float64 {
		alpha, _ := vpScale(sigmas[0])
		x *= alpha
		for _, order := range orders {
			levels := sigmas[:order+1]
			lambda := func(j int) float64 { return -math.Log(levels[j]) }
			h := lambda(order) - lambda(0)
			scale := func(j int) (a, s float64) { return vpScale(levels[j]) }
			a0, _ := scale(0)
			_, eps := predict(x, levels[0])
			first := func(j int) float64 { // DPM-Solver-1
				a, s := scale(j)
				return a/a0*x - s*math.Expm1(lambda(j)-lambda(0))*eps
			}
			_, s := scale(order)
			switch order {
			case 1:
				x = first(1)
			case 2:
				_, mid := predict(first(1), levels[1])
				r := (lambda(1) - lambda(0)) / h
				x = first(2) - s*math.Expm1(h)/(2*r)*(mid-eps)
			case 3:
				r1, r2 := (lambda(1)-lambda(0))/h, (lambda(2)-lambda(0))/h
				_, one := predict(first(1), levels[1])
				_, s2 := scale(2)
				u := first(2) - s2*r2/r1*(math.Expm1(r2*h)/(r2*h)-1)*(one-eps)
				_, last := predict(u, levels[2])
				x = first(3) - s/r2*(math.Expm1(h)/h-1)*(last-eps)
			}
			sigmas = sigmas[order:]
		}
		x0, _ := predict(x, sigmas[0])
		return x0
	}
}

// tcdReference is Algorithm 4 of Zheng et al. 2024 in the coordinates of its chain, where time is σ.
func tcdReference(gamma float64) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha, _ := vpScale(sigmas[0])
		x *= alpha
		for i := range len(sigmas) - 1 {
			x0, eps := predict(x, sigmas[i])
			if sigmas[i+1] == 0 {
				return x0
			}
			aS, sS := vpScale((1 - gamma) * sigmas[i+1])
			aT, _ := vpScale(sigmas[i+1])
			x = aT/aS*(aS*x0+sS*eps) + math.Sqrt(1-aT*aT/(aS*aS))*z(StreamStep+uint32(i))
		}
		return x
	}
}

// churnedReference is Algorithm 2 of Karras et al. 2022 with another solver: step goes from x at σ̂ to the
// next level, which is above 0.
func churnedReference(c Churn, step func(x, sigma, next float64) float64) reference {
	return func(x float64, t []float64, z func(uint32) float64) float64 {
		for i := range len(t) - 1 {
			up := t[i]
			if t[i] >= c.Min && t[i] <= c.Max {
				up = min(t[i]*(1+min(c.S/float64(len(t)-1), math.Sqrt2-1)), t[0])
			}
			x += math.Sqrt(up*up-t[i]*t[i]) * c.Noise * z(StreamStep+uint32(i))
			if t[i+1] == 0 {
				return two.at(x, up)
			}
			x = step(x, up, t[i+1])
		}
		return x
	}
}

func eulerStep(x, sigma, next float64) float64 {
	return x + (next-sigma)*(x-two.at(x, sigma))/sigma
}

func dpm2Step(x, sigma, next float64) float64 {
	middle := math.Sqrt(sigma * next)
	u := eulerStep(x, sigma, middle)
	return x + (next-sigma)*(u-two.at(u, middle))/middle
}

// heunTypeReference is the second-order multistep DPM-Solver and DPM-Solver++ of solver type heun, and their
// SDE forms, as published with diffusers.
func heunTypeReference(clean, sde bool) reference {
	return func(x float64, sigmas []float64, z func(uint32) float64) float64 {
		alpha, noise := vpScale(sigmas[0])
		x *= alpha
		var before, hBefore float64
		for i := range len(sigmas) - 1 {
			x0, eps := predict(x, sigmas[i])
			if sigmas[i+1] == 0 {
				return x0
			}
			next, nextNoise := vpScale(sigmas[i+1])
			h := math.Log(sigmas[i] / sigmas[i+1])
			value := eps
			if clean {
				value = x0
			}
			d1 := 0.0
			if i > 0 {
				d1 = (value - before) * h / hBefore
			}
			switch {
			case clean && sde:
				x = nextNoise/noise*math.Exp(-h)*x + next*(1-math.Exp(-2*h))*value + next*((1-math.Exp(-2*h))/(-2*h)+1)*d1 +
					nextNoise*math.Sqrt(1-math.Exp(-2*h))*z(StreamStep+uint32(i))
			case clean:
				x = nextNoise/noise*x - next*math.Expm1(-h)*value + next*(math.Expm1(-h)/h+1)*d1
			case sde:
				x = next/alpha*x - 2*nextNoise*math.Expm1(h)*value - 2*nextNoise*(math.Expm1(h)/h-1)*d1 +
					nextNoise*math.Sqrt(math.Expm1(2*h))*z(StreamStep+uint32(i))
			default:
				x = next/alpha*x - nextNoise*math.Expm1(h)*value - nextNoise*(math.Expm1(h)/h-1)*d1
			}
			alpha, noise, before, hBefore = next, nextNoise, value, h
		}
		return x
	}
}
