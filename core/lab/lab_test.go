package lab

import (
	"context"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// The score of a law is the gradient of its density, by central differences, and its
// denoiser is Tweedie's.
func TestMixtureIsOne(t *testing.T) {
	for _, name := range Names {
		m := Laws[name]
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
				_, score, mean := m.at(x, sigma)
				const h = 1.0 / 1024
				for c := range 2 {
					up, down := []float32{x[0], x[1]}, []float32{x[0], x[1]}
					up[c] += h
					down[c] -= h
					above, _, _ := m.at(up, sigma)
					below, _, _ := m.at(down, sigma)
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

// Draws of a law are near it, and a shift of a tenth of a part's width shows.
func TestDistanceTellsLaws(t *testing.T) {
	for _, name := range Names {
		m := Laws[name]
		x := m.Draw(4000, 3)
		if got, expected := m.Distance(x); !(got <= 1.5*expected) {
			t.Errorf("%s: its own draws are at %g, need at most 1.5 times %g", name, got, expected)
		}
		for i := range x.Data {
			x.Data[i] += 0.05
		}
		if got, expected := m.Distance(x); !(got > 1.5*expected) {
			t.Errorf("%s: shifted draws are at %g, need more than 1.5 times %g", name, got, expected)
		}
	}
}

// Every objective brings a network nearer to the score in a few steps, at every level
// that it is told at. core/train's tests hold them to what they reach.
func TestEveryObjectiveLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, o := range Objectives() {
		t.Run(o.Name, func(t *testing.T) {
			off := func(steps int) (worst float64) {
				l, err := Learn(context.Background(), Laws["three"], o, steps, 1, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, sigma := range o.Told() {
					v, err := l.Off(Laws["three"], sigma)
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
				t.Errorf("off by %g after one step and %g after 150, need less", before, after)
			}
		})
	}
}

func TestLearnStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Learn(ctx, Laws["one"], Objectives()[0], 5, 1, nil); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A batch that is not full evaluates as a full one does.
func TestDenoiseDoesNotDependOnItsBatch(t *testing.T) {
	all := Objectives()
	l, err := Learn(context.Background(), Laws["one"], all[len(all)-1], 3, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := Laws["one"].Draw(batch+5, 2)
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

// D3PM draws the law of the grid with steps enough; one step draws its coordinates apart.
func TestDiscreteDrawsTheLaw(t *testing.T) {
	for _, absorbing := range []bool{false, true} {
		var off [2]float64
		for i, steps := range []int{1, 100} {
			x, err := Discrete(Laws["three"], absorbing, 3000, steps, 5)
			if err != nil {
				t.Fatal(err)
			}
			var expected float64
			off[i], expected = Laws["three"].Distance(x)
			if steps == 100 && !(off[i] <= 1.5*expected+0.01) {
				t.Errorf("absorbing %v: at %g from the law, need at most 1.5 times %g, and 0.01", absorbing, off[i], expected)
			}
		}
		if !(off[0] > 2*off[1]) {
			t.Errorf("absorbing %v: one step is at %g, a hundred at %g: need coordinates drawn apart to show", absorbing, off[0], off[1])
		}
	}
	if _, err := Discrete(Laws["one"], true, 1, 0, 1); err == nil {
		t.Error("no steps: got no error")
	}
}
