package train

import (
	"fmt"
	"math"
	"testing"

	"tweedie/core/diffusion"
)

// With every objective that has noise levels, a small network learns the score of the
// mixture in some seconds. The relative error (of root mean squares over the marginal) is
// bounded at levels above the width of the components; below, noise hides the score from
// all of these losses.
const scoreBound = 0.1

func TestObjectivesRecoverTheScore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	// β of Ho et al. for 1000 steps is ten times as much for 100.
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: 100, BetaStart: 1e-3, BetaEnd: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	epsilon := diffusion.Epsilon{Chain: chain}
	v := diffusion.Predictor{Prediction: diffusion.PredictV, Input: chain}
	preconditioned := diffusion.EDM{SigmaData: 0.55}
	whole := Range{0.02, 20}
	smld := diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.05, SigmaMax: 5, Levels: 10}
	exploding := diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: 0.05, SigmaMax: 10}
	straight := diffusion.Predictor{Prediction: diffusion.PredictVelocity, Input: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}}
	gamma := &diffusion.Monotone{Start: 2 * math.Log(0.05), End: 2 * math.Log(10), Slope: 1, Units: [][3]float64{{6, -3, 0.5}}}
	variational := diffusion.Predictor{Prediction: diffusion.PredictEpsilon, Input: &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: gamma}}
	levels := make([]float32, chain.Steps())
	for i, s := range chain.Sigmas {
		levels[i] = float32(s)
	}
	often := NewImportance(LSimple{chain}, levels)
	step := func(i int) float32 { return float32(chain.Sigmas[i]) }
	for _, c := range []struct {
		name     string
		of       Objective
		predicts diffusion.Parametrization
		scale    float32
		at       []float32
	}{
		{"dsm", DSM{0.3}, preconditioned, 100, []float32{0.3}},
		{"ncsn", NewNCSN(diffusion.ProcessOf(smld).(diffusion.SMLD)), diffusion.Predictor{Prediction: diffusion.PredictScaledScore, Input: &smld}, 30, []float32{0.387, 1.794}},
		{"simple", LSimple{chain}, epsilon, 10, []float32{step(15), step(30), step(70)}},
		{"simple by importance", often, epsilon, 10, []float32{step(15), step(30), step(70)}},
		{"min-snr", MinSNR{LSimple{chain}, 5}, v, 10, []float32{step(15), step(30), step(70)}},
		{"edm", EDMLoss{PMean: -1, PStd: 1.2, SigmaData: 0.55}, preconditioned, 100, []float32{0.4, 1, 5}},
		{"simple, VE", Continuous{diffusion.ProcessOf(exploding), 0, 1}, diffusion.Predictor{Prediction: diffusion.PredictScaledScore, Input: &exploding}, 30, []float32{0.4, 1, 5}},
		{"flow", FlowMatching{}, straight, 1000, []float32{0.4, 1, 5}},
		{"vdm", VDM{diffusion.Variational{Gamma: gamma}}, variational, 30, []float32{0.4, 1, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newToy(t, c.scale, 2)
			levels := whole
			if c.predicts != diffusion.Parametrization(preconditioned) {
				levels = Range{0, math.MaxFloat32}
			}
			f.train(&Regression{Objective: c.of, Parametrization: c.predicts, Levels: levels}, 2000, func(step int) {
				if c.of != Objective(often) || step == 0 {
					return
				}
				for i, sigma := range f.batch.Sigma {
					often.Observe(sigma, f.batch.Loss[i])
				}
				often.Update()
			})
			for _, sigma := range c.at {
				got := f.scoreError(c.predicts, sigma)
				t.Logf("σ = %.3g: the score is off by %.1f %%", sigma, 100*got)
				if !(got <= scoreBound) {
					t.Errorf("σ = %g: the score is off by %.3g of its size, bound %g", sigma, got, scoreBound)
				}
			}
		})
	}
}

// Without noise the network learns the score of the data themselves, which is steeper;
// implicit score matching is noisier than the other objectives.
func TestImplicitScoreMatchingRecoversTheScore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const bound = 0.2
	for _, c := range []struct {
		name       string
		loss       Loss
		directions int
	}{
		{"exact trace", ISM{2}, 2},
		{"one projection", SSM{Channels: 2}, 1},
		{"three projections", SSM{Channels: 2}, 3},
		{"one projection of ±1", SSM{Channels: 2, Rademacher: true}, 1},
		{"reduced variance, two projections", SSM{Channels: 2, Reduced: true}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newToyWithTangents(t, c.directions)
			f.train(c.loss, 2000, nil)
			x := noisy(flatBatch, 0)
			out, _ := f.forward(x, nil, nil)
			size := len(out) / flatBatch
			var off, all float64
			for i := range flatBatch {
				_, _, score := three.posterior(x[2*i:], 0)
				for c, want := range score {
					got := float64(out[i*size+c])
					off += (got - want) * (got - want)
					all += want * want
				}
			}
			got := math.Sqrt(off / all)
			t.Logf("the score is off by %.1f %%", 100*got)
			if !(got <= bound) {
				t.Errorf("the score is off by %.3g of its size, bound %g", got, bound)
			}
		})
	}
}

// The optimal variance of a step given x is β̃ + (1−r)²·Var[x₀|x], where β̃ is that of the
// posterior: with the bound the network learns it in addition to the score.
func TestLearnedVariancesAreExact(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Cosine, Steps: 20})
	if err != nil {
		t.Fatal(err)
	}
	predicts := diffusion.Predictor{Prediction: diffusion.PredictV, Input: chain}
	levels := make([]float32, chain.Steps())
	for i, s := range chain.Sigmas {
		levels[i] = float32(s)
	}
	for _, name := range []string{"hybrid", "vlb", "vlb by importance"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newToy(t, 50, 4)
			l := Hybrid(chain, predicts, 2)
			l.Lambda = 0.1 // 20 steps for the paper's 4000: T·L_t is that much smaller
			var round func(int)
			if name != "hybrid" {
				l.Simple, l.Lambda = 0, 1
			}
			if name == "vlb by importance" {
				often := NewImportance(LSimple{chain}, levels)
				l.Objective = often
				round = func(step int) {
					for i, sigma := range f.batch.Sigma {
						if step > 0 {
							often.Observe(sigma, f.batch.Loss[i])
						}
					}
					often.Update()
				}
			}
			f.train(l, 2500, round)
			for _, at := range []int{4, 8, 12} {
				f.checkVariance(chain, predicts, at)
			}
		})
	}
}

// checkVariance compares the score and ln Σ of a step with the exact ones.
func (f *toyTraining) checkVariance(chain *diffusion.Chain, p diffusion.Parametrization, at int) {
	t := f.t
	t.Helper()
	// Root mean squares of the relative error of the standard deviation, and of the score.
	// Without learning, at the nearer end of its range, Σ would have an error of 12 % and
	// 4.5 % at the first two steps.
	const bound, scoreBound = 0.03, 0.1
	sigma := float32(chain.Sigmas[at])
	x := noisy(flatBatch, sigma)
	c, err := p.Coefficients(sigma)
	if err != nil {
		t.Fatal(err)
	}
	scaled := make([]float32, len(x))
	for i, v := range x {
		scaled[i] = float32(c.CIn) * v
	}
	out, _ := f.forward(scaled, constant(flatBatch, float32(c.CNoise)), nil)
	step := newVLBStep(chain, at)
	var off, scoreOff, all, low, high float64
	for i := range flatBatch {
		_, variance, score := three.posterior(x[2*i:], float64(sigma))
		for k := range variance {
			want := step.variance + step.coefficient*step.coefficient*variance[k]
			got := math.Exp(step.low + (float64(out[4*i+2+k])+1)/2*(step.high-step.low))
			ratio := math.Sqrt(got/want) - 1
			off += ratio * ratio / (2 * flatBatch)
			small, large := math.Sqrt(math.Exp(step.low)/want)-1, math.Sqrt(math.Exp(step.high)/want)-1
			low, high = low+small*small/(2*flatBatch), high+large*large/(2*flatBatch)
			denoised := c.CSkip*float64(x[2*i+k]) + c.COut*float64(out[4*i+k])
			s := (denoised - float64(x[2*i+k])) / float64(sigma*sigma)
			scoreOff += (s - score[k]) * (s - score[k])
			all += score[k] * score[k]
		}
	}
	name := fmt.Sprintf("t = %d, σ = %.3g", at, sigma)
	t.Logf("%s: deviations off by %.1f %%, %.1f %% and %.1f %% at the ends of their range; scores by %.1f %%", name,
		100*math.Sqrt(off), 100*math.Sqrt(low), 100*math.Sqrt(high), 100*math.Sqrt(scoreOff/all))
	if !(math.Sqrt(off) <= bound && math.Sqrt(scoreOff/all) <= scoreBound) {
		t.Errorf("%s: deviations are off by %.3g of their size, bound %g, scores by %.3g, bound %g", name, math.Sqrt(off), bound, math.Sqrt(scoreOff/all), scoreBound)
	}
}

// f maps a noisy point to the end of the probability-flow ODE's path in one step.
func TestConsistencyLearnsTheODEEndpoint(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const low, high = 0.02, 5
	predicts := diffusion.Consistency{SigmaData: 0.55, SigmaMin: low}
	for _, c := range []struct {
		name    string
		teacher BatchDenoiser
		steps   int
		bound   float64 // root mean square distance to the exact end, in the data's deviation
	}{
		{"distillation", three.denoise, 1500, 0.15},
		{"training", nil, 3000, 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, target := newToy(t, 100, 2), newToy(t, 100, 2)
			l := &Consistency{Parametrization: predicts, Teacher: c.teacher, Target: newBatchDenoiser(target.forward, predicts, 2)}
			f.train(l, c.steps, func(step int) {
				n := 18
				if c.teacher == nil {
					n = ConsistencyLevelCount(2, 40, step, c.steps)
				}
				l.Levels = ConsistencyLevels(n, low, high)
				rest := float32(1 - ConsistencyDecay(0.9, 2, n))
				for i, w := range f.params.Flat {
					target.params.Flat[i] += (w - target.params.Flat[i]) * rest
				}
				target.tape.Load()
			})
			x := noisy(flatBatch, high)
			got, want := make([]float32, len(x)), odeEndpoint(x, high, low)
			if err := newBatchDenoiser(f.forward, predicts, 2)(got, x, constant(flatBatch, high), nil); err != nil {
				t.Fatal(err)
			}
			off := 0.0
			for i, v := range want {
				off += (float64(got[i]) - v) * (float64(got[i]) - v) / float64(len(x))
			}
			relative := math.Sqrt(off) / 0.55
			t.Logf("off by %.1f %% of the data's deviation", 100*relative)
			if !(relative <= c.bound) {
				t.Errorf("off by %.3g of the data's deviation, bound %g", relative, c.bound)
			}
		})
	}
}

// odeEndpoint integrates dx/dσ = (x − D)/σ of three in ln σ by the midpoint rule.
func odeEndpoint(x []float32, from, to float64) []float64 {
	const steps = 400
	out := make([]float64, len(x))
	h := math.Log(to/from) / steps
	for i := 0; i < len(x); i += 2 {
		at := [2]float64{float64(x[i]), float64(x[i+1])}
		slope := func(at [2]float64, sigma float64) (d [2]float64) {
			mean, _, _ := three.posterior([]float32{float32(at[0]), float32(at[1])}, sigma)
			return [2]float64{at[0] - mean[0], at[1] - mean[1]}
		}
		for k := range steps {
			sigma := from * math.Exp(float64(k)*h)
			d := slope(at, sigma)
			half := slope([2]float64{at[0] + h/2*d[0], at[1] + h/2*d[1]}, sigma*math.Exp(h/2))
			at[0], at[1] = at[0]+h*half[0], at[1]+h*half[1]
		}
		out[i], out[i+1] = at[0], at[1]
	}
	return out
}
