package diffusion

import (
	"math"
	"slices"
	"testing"

	"tweedie/core/tensor"
)

// inputs returns different inputs of networks.
func inputs(t *testing.T) map[string]Input {
	t.Helper()
	return map[string]Input{
		"linear": mustChain(t, Schedule{Kind: Linear}),
		"cosine": WholeSteps{mustChain(t, Schedule{Kind: Cosine})},
	}
}

var levels = []float32{0.02, 0.1, 0.7, 1, 3, 40}

// target returns the training target of a prediction, from its definition.
func target(p Prediction, x0, eps, s, sigma float64) float64 {
	norm := math.Sqrt(1 + sigma*sigma)
	return map[Prediction]float64{
		PredictEpsilon: eps, PredictX0: x0, PredictV: eps/norm - sigma*x0/norm,
		PredictScore: -eps / (s * sigma), PredictScaledScore: -eps, PredictVelocity: eps - x0,
	}[p]
}

// An exact prediction for a given image and noise gives back the image.
func TestTrueTargetGivesTheImage(t *testing.T) {
	for name, in := range inputs(t) {
		for _, what := range Predictions {
			for _, sigma := range levels {
				c, err := Predictor{what, in}.Coefficients(sigma)
				if err != nil {
					t.Fatal(err)
				}
				s := float64(sigma)
				for _, pair := range [][2]float64{{0.8, -1.3}, {-1, 0.2}, {0, 2}} {
					x0, eps := pair[0], pair[1]
					f := target(what, x0, eps, c.CIn, s)
					got := c.CSkip*(x0+s*eps) + c.COut*f
					// The two terms cancel; each has a few roundings.
					bound := 8 * 0x1p-53 * (math.Abs(c.CSkip*(x0+s*eps)) + math.Abs(c.COut*f) + math.Abs(x0))
					if !(math.Abs(got-x0) <= bound) {
						t.Errorf("%s in %s at σ=%g: got %g, want %g ± %.2g", what, name, sigma, got, x0, bound)
					}
				}
			}
		}
	}
}

// gaussianOutput returns the optimal prediction for pixels drawn from N(0, sd²):
// Cov(target, x)/Var(x)·x, from the definition of the target, which is linear in x₀ and ε.
func gaussianOutput(what Prediction, x, s, sigma, sd float64) float64 {
	ofData, ofNoise := target(what, 1, 0, s, sigma), target(what, 0, 1, s, sigma)
	return (ofData*sd*sd + ofNoise*sigma) / (sd*sd + sigma*sigma) * x
}

// Every optimal prediction gives the same denoiser, the closed form.
func TestEveryPredictionOfTheExactNetwork(t *testing.T) {
	const sd = 0.5
	for name, in := range inputs(t) {
		for _, what := range Predictions {
			for _, sigma := range levels {
				var cNoise float32
				s, _, _ := in.Input(sigma)
				net := func(z *tensor.Tensor, at float32) (*tensor.Tensor, error) {
					cNoise = at
					f := tensor.New(z.Shape...)
					for i, v := range z.Data {
						f.Data[i] = float32(gaussianOutput(what, float64(v)/s, s, float64(sigma), sd))
					}
					return f, nil
				}
				x := normals(16, 1).Scaled(sigma)
				got, err := Denoise(net, Predictor{what, in})(x, sigma)
				if err != nil {
					t.Fatal(err)
				}
				if _, want, _ := in.Input(sigma); cNoise != float32(want) {
					t.Errorf("%s in %s: c_noise is %g, want %g", what, name, cNoise, want)
				}
				for i, v := range x.Data {
					want := posterior(float64(v), float64(sigma), sd)
					// Terms up to the size of x, a few roundings of each.
					if bound := 8 * u32 * math.Abs(float64(v)); !(math.Abs(float64(got.Data[i])-want) <= bound) {
						t.Errorf("%s in %s at σ=%g: D(%g) is %g, want %g ± %.2g", what, name, sigma, v, got.Data[i], want, bound)
					}
				}
			}
		}
	}
}

// Converting an optimal prediction to any other type, or to EDM's F, gives the optimal
// prediction of that type; converting back gives the original.
func TestConvert(t *testing.T) {
	const sd = 0.5
	in := mustChain(t, Schedule{Kind: Linear})
	for _, sigma := range levels {
		x := normals(16, 1).Scaled(sigma)
		coefficients, outputs := map[string]Coefficients{}, map[string]*tensor.Tensor{}
		for _, what := range append(slices.Clone(Predictions), "edm") {
			f, s := tensor.New(x.Shape...), float64(sigma)
			var p Parametrization = EDM{SigmaData: 0.6}
			if what != "edm" {
				p = Predictor{what, in}
			}
			c, err := p.Coefficients(sigma)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				if what == "edm" {
					f.Data[i] = float32((posterior(float64(v), s, sd) - c.CSkip*float64(v)) / c.COut)
				} else {
					f.Data[i] = float32(gaussianOutput(what, float64(v), c.CIn, s, sd))
				}
			}
			coefficients[string(what)], outputs[string(what)] = c, f
		}
		for from, a := range coefficients {
			for to, b := range coefficients {
				f := outputs[from]
				g := Convert(x, f, a, b)
				back := Convert(x, g, b, a)
				for i := range g.Data {
					v, fi, gi := math.Abs(float64(x.Data[i])), math.Abs(float64(f.Data[i])), math.Abs(float64(g.Data[i]))
					// In units of D: both skips of x, and both outputs, rounded.
					inD := 4 * u32 * ((math.Abs(a.CSkip)+math.Abs(b.CSkip))*v + math.Abs(a.COut)*fi + math.Abs(b.COut)*gi)
					if want := float64(outputs[to].Data[i]); !(math.Abs(float64(g.Data[i])-want) <= inD/math.Abs(b.COut)) {
						t.Errorf("%s to %s at σ=%g: got %g, want %g ± %.2g", from, to, sigma, g.Data[i], want, inD/math.Abs(b.COut))
					}
					if want := float64(f.Data[i]); !(math.Abs(float64(back.Data[i])-want) <= 2*inD/math.Abs(a.COut)) {
						t.Errorf("%s to %s and back at σ=%g: got %g, want %g ± %.2g", from, to, sigma, back.Data[i], want, 2*inD/math.Abs(a.COut))
					}
				}
			}
		}
	}
}

// Column iDDPM of Karras et al. 2022, Table 1, in the paper's notation: u_M = 0,
// u_{j−1} = √((u_j²+1)/max(ᾱ_{j−1}/ᾱ_j, C₁) − 1), c_noise = M − 1 − argmin_j |u_j − σ|.
func TestWholeStepsIsColumnIDDPM(t *testing.T) {
	const M, C1, C2 = 1000, 0.001, 0.008
	alphaBar := func(j int) float64 { return math.Pow(math.Sin(math.Pi/2*float64(j)/(M*(C2+1))), 2) }
	u := make([]float64, M+1)
	for j := M; j > 0; j-- {
		u[j-1] = math.Sqrt((u[j]*u[j]+1)/math.Max(alphaBar(j-1)/alphaBar(j), C1) - 1)
	}
	p := Predictor{PredictEpsilon, WholeSteps{mustChain(t, Schedule{Kind: Cosine})}}
	for i := range 4000 {
		sigma := float32(0.0065 * math.Exp(float64(i)/4000*math.Log(15000/0.0065)))
		nearest := 0
		for j := range M {
			if math.Abs(u[j]-float64(sigma)) < math.Abs(u[nearest]-float64(sigma)) {
				nearest = j
			}
		}
		c, err := p.Coefficients(sigma)
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(M - 1 - nearest); c.CNoise != want {
			t.Fatalf("σ=%g: c_noise is %g, want %g", sigma, c.CNoise, want)
		}
		if s := float64(sigma); c.CSkip != 1 || c.COut != -s || !(math.Abs(c.CIn*math.Sqrt(s*s+1)-1) <= 4*0x1p-53) {
			t.Fatalf("σ=%g: got %+v", sigma, c)
		}
	}
}

func TestPredictorErrors(t *testing.T) {
	c := mustChain(t, Schedule{Kind: Linear})
	if _, err := NewPredictor("noise", c); err == nil || err.Error() != `diffusion: prediction must be one of ["epsilon" "x0" "v" "score" "scaled_score" "velocity"] (got "noise")` {
		t.Errorf("got %v", err)
	}
	for _, in := range []Input{c, WholeSteps{c}} {
		for _, sigma := range []float32{0, 1000, float32(math.NaN())} {
			if _, err := (Predictor{PredictX0, in}).Coefficients(sigma); err == nil {
				t.Errorf("σ=%g in %T: got no error", sigma, in)
			}
		}
	}
}
