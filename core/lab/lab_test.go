package lab

import (
	"context"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// The score is the gradient of the log density, by central differences, and the denoiser
// agrees with Tweedie's formula.
func TestMixtureScoreAndDenoiser(t *testing.T) {
	for _, name := range Names {
		m := Distributions[name]
		total := 0.0
		for _, p := range m {
			total += p.Weight
		}
		if !(math.Abs(total-1) <= 1e-12) {
			t.Errorf("%s: weights sum to %g", name, total)
		}
		for _, sigma := range []float64{0, 0.3, 4} {
			for i := range 20 {
				x := []float32{float32(i)/8 - 1.2, float32(i*i%7)/5 - 0.6}
				_, score, mean := m.evaluate(x, sigma)
				const h = 1.0 / 1024
				for c := range 2 {
					up, down := []float32{x[0], x[1]}, []float32{x[0], x[1]}
					up[c] += h
					down[c] -= h
					above, _, _ := m.evaluate(up, sigma)
					below, _, _ := m.evaluate(down, sigma)
					if want := (above - below) / (2 * h); !(math.Abs(score[c]-want) <= 4e-3*(1+math.Abs(want))) {
						t.Errorf("%s, σ = %g, %v: score %g, want %g", name, sigma, x, score[c], want)
					}
					if want := float64(x[c]) + sigma*sigma*score[c]; !(math.Abs(mean[c]-want) <= 1e-12*(1+math.Abs(want))) {
						t.Errorf("%s: E[x₀|x] is %g, want %g", name, mean[c], want)
					}
				}
			}
		}
	}
}

// Samples are close to their distribution, and the distance detects a small shift.
func TestDistanceDetectsShifts(t *testing.T) {
	for _, name := range Names {
		m := Distributions[name]
		x := m.Sample(4000, 3)
		if got, expected := m.Distance(x); !(got <= 1.5*expected) {
			t.Errorf("%s: the distance of exact samples is %g, want at most 1.5 times %g", name, got, expected)
		}
		for i := range x.Data {
			x.Data[i] += 0.05
		}
		if got, expected := m.Distance(x); !(got > 1.5*expected) {
			t.Errorf("%s: the distance of shifted samples is %g, want more than 1.5 times %g", name, got, expected)
		}
	}
}

// With every objective a few steps reduce the error of the score at every level. The tests
// of core/train check the final error.
func TestEveryObjectiveLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, o := range Objectives() {
		t.Run(o.Name, func(t *testing.T) {
			off := func(steps int) (worst float64) {
				l, err := Learn(context.Background(), Distributions["three"], o, steps, 1, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, sigma := range o.ScoreLevels() {
					v, err := l.ScoreError(Distributions["three"], sigma)
					if err != nil {
						t.Fatal(err)
					}
					worst = max(worst, v)
				}
				return worst
			}
			before, after := off(1), off(150)
			t.Logf("off by %.0f %% after one step, %.0f %% after 150", 100*before, 100*after)
			if !(after < 0.9 && after < 0.95*before) {
				t.Errorf("the error is %g after one step and %g after 150, want less", before, after)
			}
		})
	}
}

func TestLearnCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Learn(ctx, Distributions["one"], Objectives()[0], 5, 1, nil); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A partial batch gives the same results as a full one.
func TestDenoiseDoesNotDependOnItsBatch(t *testing.T) {
	all := Objectives()
	l, err := Learn(context.Background(), Distributions["one"], all[len(all)-1], 3, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := Distributions["one"].Sample(batch+5, 2)
	together, err := l.Denoise(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := l.Denoise(tensor.Of(x.Data[2*batch:], 5, 1, 1, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range alone.Data {
		if v != together.Data[2*batch+i] {
			t.Fatalf("number %d is %g alone and %g among others", i, v, together.Data[2*batch+i])
		}
	}
}

// With enough steps D3PM samples the distribution on the grid; a single step samples the
// coordinates independently.
func TestSampleDiscrete(t *testing.T) {
	for _, absorbing := range []bool{false, true} {
		var off [2]float64
		for i, steps := range []int{1, 100} {
			x, err := SampleDiscrete(Distributions["three"], absorbing, 3000, steps, 5)
			if err != nil {
				t.Fatal(err)
			}
			var expected float64
			off[i], expected = Distributions["three"].Distance(x)
			if steps == 100 && !(off[i] <= 1.5*expected+0.01) {
				t.Errorf("absorbing %v: the distance is %g, want at most 1.5 times %g, plus 0.01", absorbing, off[i], expected)
			}
		}
		if !(off[0] > 2*off[1]) {
			t.Errorf("absorbing %v: the distance is %g with one step and %g with a hundred, want a clear difference", absorbing, off[0], off[1])
		}
	}
	if _, err := SampleDiscrete(Distributions["one"], true, 1, 0, 1); err == nil {
		t.Error("no steps: got no error")
	}
}
