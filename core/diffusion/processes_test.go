package diffusion

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// processRow is a line of PROCESSES.md: formulas as in the papers, and the same in Go,
// computed with package math and not by the process.
type processRow struct {
	name, source string
	process      Process
	whole        bool // the paper's chain is at whole t, all of them

	chain, kernel, marginal, sde, ode, reverse string

	// at returns s, s·σ, f and g. flow returns the right-hand side of the ODE, given the
	// score and D(z/s;σ). step returns keep and sd of z_t = keep·z_{t−1} + sd·ε; it is nil
	// for a process without integer steps.
	at   func(t float64) [4]float64
	flow func(t, z, score, denoised float64) float64
	step func(t int) (keep, sd float64)
}

// chainRow returns the row of a variance-preserving chain with the given β_t. Between
// steps the closed forms are those of ᾱ(t) with ln σ linear in t.
func chainRow(t *testing.T, name, source, formula string, s Schedule, beta func(t int) float64) processRow {
	c := mustChain(t, s)
	alphasCumprod := make([]float64, c.Steps())
	sum := 0.0
	for i := range alphasCumprod {
		sum += math.Log1p(-beta(i))
		alphasCumprod[i] = math.Exp(sum)
	}
	at := func(t float64) [4]float64 {
		i := min(int(t), len(alphasCumprod)-2)
		level := func(i int) float64 { return math.Log(1/alphasCumprod[i]-1) / 2 }
		slope := level(i+1) - level(i)
		sigma := math.Exp(level(i) + (t-float64(i))*slope)
		a := 1 / (1 + sigma*sigma)
		b := 2 * slope * (1 - a) // β(t) = −d ln ᾱ/dt
		return [4]float64{math.Sqrt(a), math.Sqrt(1 - a), -b / 2, math.Sqrt(b)}
	}
	return processRow{
		name: name, source: source, process: c, whole: true,
		chain:    "z_t = √(1−β_t)·z_{t−1} + √β_t·ε, " + formula,
		kernel:   "N(√ᾱ_t·x₀, 1−ᾱ_t), ᾱ_t = Π(1−β_i)",
		marginal: "distribution of √ᾱ_t·x₀, ∗ N(0, 1−ᾱ_t)",
		sde:      "f = −½β(t), g = √β(t), β(t) = −d ln ᾱ/dt",
		ode:      "−½β(t)·(z + ∇)",
		reverse:  "−½β(t)·z − β(t)·∇, √β(t)",
		at:       at,
		flow:     func(t, z, score, _ float64) float64 { return at(t)[2] * (z + score) },
		step:     func(t int) (keep, sd float64) { return math.Sqrt(1 - beta(t)), math.Sqrt(beta(t)) },
	}
}

// processRows returns the table.
func processRows(t *testing.T) []processRow {
	t.Helper()
	linear := func(t int) float64 { return 1e-4 + (0.02-1e-4)*float64(t)/999 }
	cosine := func(t int) float64 {
		f := func(t int) float64 { return math.Pow(math.Cos((float64(t)/1000+0.008)/1.008*math.Pi/2), 2) }
		return min(1-f(t+1)/f(t), 0.999)
	}
	ddpm := chainRow(t, "DDPM", "Ho et al. 2020", "β_t linear, 10⁻⁴ to 0.02", Schedule{Kind: Linear}, linear)
	ddim := ddpm
	ddim.name, ddim.source = "DDIM", "Song et al. 2021a"
	ddim.chain = "not Markov: z_{t−1} = √ᾱ_{t−1}·x₀ + √(1−ᾱ_{t−1}−σ̃²)·ε_t + σ̃·ε, ε_t = (z_t − √ᾱ_t·x₀)/√(1−ᾱ_t), σ̃² = η²·β_t·(1−ᾱ_{t−1})/(1−ᾱ_t)"
	ddim.sde = "none of its own, since steps are drawn given x₀; DDPM's at η = 1"
	ddim.ode = "η = 0 is Euler's rule for dx/dσ = (x − D)/σ, x = z/√ᾱ; in t, DDPM's"
	ddim.reverse = "in the limit of small steps DDPM's at η = 1, the ODE for smaller η"
	return []processRow{
		smldRow(), ddpm,
		chainRow(t, "Improved DDPM", "Nichol & Dhariwal 2021", "ᾱ_t = f(t)/f(0), f(t) = cos²((t/T+s)/(1+s)·π/2), s = 0.008, β_t ≤ 0.999", Schedule{Kind: Cosine}, cosine),
		chainRow(t, "Thermodynamic", "Sohl-Dickstein et al. 2015", "β_t = 1/(T−t+2), ᾱ_t = 1 − t/(T+1)", Schedule{Kind: Thermodynamic, Steps: 100}, func(t int) float64 { return 1 / float64(101-t) }),
		ddim, vesdeRow(), vpsdeRow(), subVPSDERow(), variationalRow(), rectifiedFlowRow(), edmRow(),
	}
}

func smldRow() processRow {
	sigma := func(t float64) float64 { return 0.02 * math.Pow(1000, t/99) }
	at := func(t float64) [4]float64 {
		return [4]float64{1, sigma(t), 0, sigma(t) * math.Sqrt(2*math.Log(1000)/99)}
	}
	return processRow{
		name: "SMLD", source: "Song & Ermon 2019", process: SMLD{VESDE{0.02, 20}, 100}, whole: true,
		chain:    "z_t = z_{t−1} + √(σ_t²−σ_{t−1}²)·ε, σ_t = σ_min·(σ_max/σ_min)^(t/(L−1))",
		kernel:   "N(x₀, σ_t²)",
		marginal: "p₀ ∗ N(0, σ_t²)",
		sde:      "f = 0, g = √(dσ²/dt)",
		ode:      "−½·(dσ²/dt)·∇",
		reverse:  "−(dσ²/dt)·∇, √(dσ²/dt)",
		at:       at,
		flow:     func(t, z, score, _ float64) float64 { g := at(t)[3]; return -g * g / 2 * score },
		step: func(t int) (keep, sd float64) {
			a, b := sigma(float64(t-1)), sigma(float64(t))
			return 1, math.Sqrt(b*b - a*a)
		},
	}
}

func vesdeRow() processRow {
	at := func(t float64) [4]float64 {
		sigma := 0.02 * math.Pow(5000, t)
		return [4]float64{1, sigma, 0, sigma * math.Sqrt(2*math.Log(5000))}
	}
	return processRow{
		name: "VE-SDE", source: "Song et al. 2021b", process: VESDE{0.02, 100},
		chain:    "z_i = z_{i−1} + √(σ²(t_i)−σ²(t_{i−1}))·ε",
		kernel:   "N(x₀, σ²(t)), σ = σ_min·(σ_max/σ_min)^t",
		marginal: "p₀ ∗ N(0, σ²(t))",
		sde:      "f = 0, g = σ·√(2 ln(σ_max/σ_min))",
		ode:      "−σ²·ln(σ_max/σ_min)·∇",
		reverse:  "−2σ²·ln(σ_max/σ_min)·∇, g",
		at:       at,
		flow: func(t, z, score, _ float64) float64 {
			sigma := at(t)[1]
			return -sigma * sigma * math.Log(5000) * score
		},
	}
}

// betaIntegral returns B(t) of the VP process with β from 0.1 to 20.
func betaIntegral(t float64) (beta, sum float64) { return 0.1 + 19.9*t, 0.1*t + 19.9*t*t/2 }

func vpsdeRow() processRow {
	return processRow{
		name: "VP-SDE", source: "Song et al. 2021b", process: VPSDE{0.1, 20},
		chain:    "z_i = e^(−ΔB/2)·z_{i−1} + √(1−e^(−ΔB))·ε, ΔB = B(t_i)−B(t_{i−1})",
		kernel:   "N(e^(−B/2)·x₀, 1−e^(−B)), B = ∫₀ᵗβ, β = β_min+t·(β_max−β_min)",
		marginal: "distribution of e^(−B/2)·x₀, ∗ N(0, 1−e^(−B))",
		sde:      "f = −½β, g = √β",
		ode:      "−½β·(z + ∇)",
		reverse:  "−½β·z − β·∇, √β",
		at: func(t float64) [4]float64 {
			b, sum := betaIntegral(t)
			return [4]float64{math.Exp(-sum / 2), math.Sqrt(-math.Expm1(-sum)), -b / 2, math.Sqrt(b)}
		},
		flow: func(t, z, score, _ float64) float64 { b, _ := betaIntegral(t); return -b / 2 * (z + score) },
	}
}

func subVPSDERow() processRow {
	return processRow{
		name: "sub-VP-SDE", source: "Song et al. 2021b", process: SubVPSDE{0.1, 20},
		chain:    "z_i = e^(−ΔB/2)·z_{i−1} + √((1−e^(−B_i))² − e^(−ΔB)·(1−e^(−B_{i−1}))²)·ε",
		kernel:   "N(e^(−B/2)·x₀, (1−e^(−B))²), B as above",
		marginal: "distribution of e^(−B/2)·x₀, ∗ N(0, (1−e^(−B))²)",
		sde:      "f = −½β, g = √(β·(1−e^(−2B)))",
		ode:      "−½β·(z + (1−e^(−2B))·∇)",
		reverse:  "−½β·z − β·(1−e^(−2B))·∇, g",
		at: func(t float64) [4]float64 {
			b, sum := betaIntegral(t)
			return [4]float64{math.Exp(-sum / 2), -math.Expm1(-sum), -b / 2, math.Sqrt(-b * math.Expm1(-2*sum))}
		},
		flow: func(t, z, score, _ float64) float64 {
			b, sum := betaIntegral(t)
			return -b / 2 * (z - math.Expm1(-2*sum)*score)
		},
	}
}

func variationalRow() processRow {
	// γ(t) = h scaled to [−10, 6], h = t + 0.5·sigmoid(4t − 1).
	h := func(t float64) float64 { return t + 0.5/(1+math.Exp(1-4*t)) }
	gamma := func(t float64) (g, rate float64) {
		y := 1 / (1 + math.Exp(1-4*t))
		scale := 16 / (h(1) - h(0))
		return -10 + scale*(h(t)-h(0)), scale * (1 + 2*y*(1-y))
	}
	return processRow{
		name: "VDM", source: "Kingma et al. 2021", process: Variational{&Monotone{Start: -10, End: 6, Slope: 1, Units: [][3]float64{{4, -1, 0.5}}}},
		chain:    "z_i = (α_i/α_{i−1})·z_{i−1} + √(ς_i² − (α_i/α_{i−1})²·ς_{i−1}²)·ε",
		kernel:   "N(α·x₀, ς²), α² = sigmoid(−γ(t)), ς² = sigmoid(γ(t)), γ learned",
		marginal: "distribution of α·x₀, ∗ N(0, ς²)",
		sde:      "f = −½γ̇·ς², g = ς·√γ̇",
		ode:      "−½γ̇·ς²·(z + ∇)",
		reverse:  "−½γ̇·ς²·z − γ̇·ς²·∇, ς·√γ̇",
		at: func(t float64) [4]float64 {
			g, rate := gamma(t)
			variance := 1 / (1 + math.Exp(-g))
			return [4]float64{math.Sqrt(1 / (1 + math.Exp(g))), math.Sqrt(variance), -rate * variance / 2, math.Sqrt(rate * variance)}
		},
		flow: func(t, z, score, _ float64) float64 {
			g, rate := gamma(t)
			return -rate / (1 + math.Exp(-g)) / 2 * (z + score)
		},
	}
}

func rectifiedFlowRow() processRow {
	return processRow{
		name: "Flow matching", source: "Lipman et al. 2023", process: RectifiedFlow{},
		chain:    "z_i = (1−t_i)/(1−t_{i−1})·z_{i−1} + √(t_i² − t_{i−1}²·((1−t_i)/(1−t_{i−1}))²)·ε",
		kernel:   "N((1−t)·x₀, t²)",
		marginal: "distribution of (1−t)·x₀, ∗ N(0, t²)",
		sde:      "f = −1/(1−t), g = √(2t/(1−t))",
		ode:      "E[ε − x₀ given z] = (z − D)/t",
		reverse:  "−(z + 2t·∇)/(1−t), g",
		at: func(t float64) [4]float64 {
			return [4]float64{1 - t, t, -1 / (1 - t), math.Sqrt(2 * t / (1 - t))}
		},
		flow: func(t, z, _, denoised float64) float64 { return (z - denoised) / t },
	}
}

func edmRow() processRow {
	return processRow{
		name: "EDM", source: "Karras et al. 2022", process: EDMProcess{},
		chain:    "z_i = z_{i−1} + √(t_i²−t_{i−1}²)·ε",
		kernel:   "N(x₀, t²)",
		marginal: "p₀ ∗ N(0, t²)",
		sde:      "f = 0, g = √(2t)",
		ode:      "−t·∇ = (z − D)/t",
		reverse:  "−2t·∇, √(2t)",
		at:       func(t float64) [4]float64 { return [4]float64{1, t, 0, math.Sqrt(2 * t)} },
		flow:     func(t, z, _, denoised float64) float64 { return (z - denoised) / t },
	}
}

// Kernel, SDE, ODE, reverse SDE and chain of each process agree with its paper.
func TestProcessesMatchTheirFormulas(t *testing.T) {
	const bound = 1e-6 // relative: times come from float32 levels, and a chain's from sums of T terms
	agree := func(got, want float64) bool { return math.Abs(got-want) <= bound*(1e-3+math.Abs(want)) }
	eachProcess(t, func(t *testing.T, r processRow) {
		for _, at := range timesBetween(t, r.process, 30) {
			k, want := r.process.Kernel(at), r.at(at)
			for i, got := range []float64{k.S, k.S * k.Sigma, k.F(), k.G()} {
				if !agree(got, want[i]) {
					t.Errorf("t=%g: %s is %g, want %g", at, []string{"s", "s·σ", "f", "g"}[i], got, want[i])
				}
			}
			for _, z := range []float64{-1.5, 0, 0.7} {
				denoised := two.denoised(z/want[0], want[1]/want[0])
				score := (math.Log(two.at(k).density(z+1e-5)) - math.Log(two.at(k).density(z-1e-5))) / 2e-5
				if got := k.Score().At(z, denoised); !agree(got, score) {
					t.Errorf("t=%g: score at %g is %g, differences give %g", at, z, got, score)
				}
				if got, want := k.ODE().At(z, denoised), r.flow(at, z, score, denoised); !agree(got, want) {
					t.Errorf("t=%g: ODE at %g is %g, want %g", at, z, got, want)
				}
				drift, g := k.Backward(1)
				if got, want := drift.At(z, denoised), want[2]*z-want[3]*want[3]*score; !agree(got, want) || g != k.G() {
					t.Errorf("t=%g: reverse drift at %g is %g with %g, want %g with %g", at, z, got, g, want, k.G())
				}
			}
		}
		if !r.whole {
			return
		}
		_, last := r.process.Span()
		for at := 1; at <= int(last); at++ {
			keep, sd := Transition(r.process.Kernel(float64(at-1)), r.process.Kernel(float64(at)))
			if wantKeep, wantSD := r.step(at); !agree(keep, wantKeep) || !agree(sd, wantSD) {
				t.Fatalf("step %d is %g·z + %g·ε, want %g and %g", at, keep, sd, wantKeep, wantSD)
			}
		}
	})
}

// The chain of DDIM agrees with its formula for every η, which the kernels alone do not
// determine: Song et al. 2021a, eq. 12 and 16.
func TestChainOfDDIM(t *testing.T) {
	c := mustChain(t, Schedule{Kind: Linear})
	for at := 1; at < c.Steps(); at += 37 {
		a, before, beta := c.AlphasCumprod[at], c.AlphasCumprod[at-1], c.Betas[at]
		for _, eta := range []float64{0, 0.3, 0.7, 1} {
			step, sd := Bridge(c.Kernel(float64(at)), c.Kernel(float64(at-1)), eta)
			sigma := eta * math.Sqrt(beta*(1-before)/(1-a))
			for _, pair := range [][2]float64{{0.8, -1.3}, {-1, 0.2}, {0, 2}} {
				x0, z := pair[0], pair[1]
				want := math.Sqrt(before)*x0 + math.Sqrt(1-before-sigma*sigma)*(z-math.Sqrt(a)*x0)/math.Sqrt(1-a)
				// 1 − ᾱ has a relative error of u/β at the first steps.
				if got := step.At(z, x0); !(math.Abs(got-want) <= 1e-9) || !(math.Abs(sd-sigma) <= 1e-9) {
					t.Errorf("step %d, η=%g: from %g by x₀ %g to %g ± %g, want %g ± %g", at, eta, z, x0, got, sd, want, sigma)
				}
			}
		}
	}
}

const heading = `<!-- Code generated by core/diffusion/processes_test.go (make golden); DO NOT EDIT. -->

# The processes compared

Every process here has the form z_t = s(t)·(x₀ + σ(t)·ε) with ε ~ N(0, I). z are the coordinates of its paper. A denoiser receives
x = z/s and returns D = E[x₀ | x]. Everything else follows from s and σ (process.go):

    f = ṡ/s    g = s·√(dσ²/dt)    ∇ = ∇ log p(z_t) = (s·D − z)/(s·σ)²
    SDE      dz = f·z dt + g dw
    ODE      dz = (f·z − ½g²·∇) dt
    reverse  dz = (f·z − g²·∇) dt + g dw̄

In the table, p₀ is the distribution of the data and ∗ is convolution. The column of the ODE gives its right-hand side, the column of the
reverse SDE gives drift and diffusion. The step of a chain between two times is exact for any distance between them.
TestProcessesMatchTheirFormulas compares the code of each process with these formulas. Other tests of the package compare the columns with each
other: simulated chains with marginals, marginals with the Fokker-Planck equation, and the ODE and the reverse SDE by whether they
carry one exact marginal to another.

g follows from s and σ for sub-VP as for the others: there is one linear Markov process with given kernels. The kernels do not determine
the joint distribution of z at two times. Backwards, every amount of noise, from none (the ODE) to more than in the reverse SDE, has the same
marginals; so have DDIM's steps for every η.

`

// document writes PROCESSES.md.
func document(all []processRow) string {
	var b strings.Builder
	b.WriteString(heading)
	b.WriteString("| process | discrete chain | kernel of x₀ | marginal | SDE | ODE, dz/dt | reverse SDE |\n|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| %s (%s) | %s | %s | %s | %s | %s | %s |\n", r.name, r.source, r.chain, r.kernel, r.marginal, r.sde, r.ode, r.reverse)
	}
	b.WriteString("\nThe same in numbers, computed by the code at the times of three noise levels, σ = 0.1, 1 and 8, with the settings of the tests:\n\n")
	b.WriteString("| process | t | s | s·σ | f | g | t | s | s·σ | f | g | t | s | s·σ | f | g |\n|---|" + strings.Repeat("---:|", 15) + "\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| %s ", r.name)
		for _, sigma := range []float32{0.1, 1, 8} {
			t, err := r.process.Time(sigma)
			if err != nil {
				b.WriteString("| | | | | ")
				continue
			}
			k := r.process.Kernel(t)
			fmt.Fprintf(&b, "| %.3g | %.3g | %.3g | %.3g | %.3g ", t, k.S, k.S*k.Sigma, k.F(), k.G())
		}
		b.WriteString("|\n")
	}
	b.WriteString("\nPapers: Sohl-Dickstein 2015 arXiv:1503.03585, Song & Ermon 2019 arXiv:1907.05600, Ho 2020 arXiv:2006.11239,\n" +
		"Song 2021a arXiv:2010.02502, Song 2021b arXiv:2011.13456, Nichol & Dhariwal 2021 arXiv:2102.09672, Kingma 2021\n" +
		"arXiv:2107.00630, Karras 2022 arXiv:2206.00364, Lipman 2023 arXiv:2210.02747.\n")
	return b.String()
}

// PROCESSES.md is the output of document. TWEEDIE_GOLDEN=write rewrites it.
func TestDocument(t *testing.T) {
	got := document(processRows(t))
	const file = "PROCESSES.md"
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from the table in this file: run make golden and review the change", file)
	}
}
