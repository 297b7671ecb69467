package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

// The values of γ that Karras et al. 2024 give for 5 and 10 per cent (section 3.1).
func TestWidthGamma(t *testing.T) {
	for width, want := range map[float64]float64{0.05: 16.97, 0.10: 6.94} {
		if got := widthGamma(width); !(math.Abs(got-want) <= 0.005) {
			t.Errorf("gamma of width %g: got %g, want %g", width, got, want)
		}
	}
}

// The recursion telescopes: the weights of step τ count by (τ/t)^(γ+1) − ((τ−1)/t)^(γ+1).
func TestPowerAverage(t *testing.T) {
	for _, width := range []float64{0.02, 0.1, 0.25} {
		a := newPowerAverages([]float64{width}, make([]float32, 6))[0]
		const last = 50
		want, at := 0.0, make([]float32, 6)
		for step := 1; step <= last; step++ {
			for i := range at {
				at[i] = float32(math.Sin(float64(step)))
			}
			a.update(at, step)
			p := a.gamma + 1
			want += float64(at[0]) * (math.Pow(float64(step)/last, p) - math.Pow(float64(step-1)/last, p))
		}
		for i, got := range a.weights {
			if !(math.Abs(float64(got)-want) <= 1e-6) {
				t.Errorf("width %g: average %d is %g, want %g", width, i, got, want)
			}
		}
	}
}

// endless is a configuration whose steps do not depend on their number.
func endless() *Config {
	c := smallConfig()
	c.Decay, c.DecayFrom, c.Average, c.Averages, c.HeldOut = "sqrt", 4, 0, []float64{0.05, 0.1, 0.2}, 3
	c.Flip, c.Shift = true, 1
	return c
}

// A run that is extended is the run that was planned so long.
func TestExtended(t *testing.T) {
	long := endless()
	long.Steps = 9
	whole := start(t, long)
	steps(t, whole, 9)
	short := endless()
	short.Steps = 5
	part := start(t, short)
	steps(t, part, 5)
	resumed := endless()
	resumed.Steps = 9
	again := start(t, resumed)
	if err := again.Restore(state(t, part)); err != nil {
		t.Fatal(err)
	}
	if err := part.SetSteps(9); err != nil {
		t.Fatal(err)
	}
	steps(t, again, 4)
	steps(t, part, 4)
	for name, tr := range map[string]*Trainer{"resumed": again, "extended": part} {
		if !bytes.Equal(state(t, tr), state(t, whole)) {
			t.Errorf("%s after five steps: the state differs from that of nine in one go", name)
		}
	}
	if err := part.SetSteps(8); err == nil || !strings.Contains(err.Error(), "between the 9 that have been taken") {
		t.Errorf("fewer steps than were taken: got error %v", err)
	}
	if err := start(t, smallConfig()).SetSteps(50); err == nil || !strings.Contains(err.Error(), `decay "cosine"`) {
		t.Errorf("a cosine decay: got error %v", err)
	}
}

// A step that is stopped changes nothing.
func TestStoppedStep(t *testing.T) {
	tr := start(t, endless())
	steps(t, tr, 3)
	before := state(t, tr)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if _, err := tr.StepContext(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got error %v, want Canceled", err)
		}
	}
	during, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := tr.StepContext(during); err != nil && !bytes.Equal(state(t, tr), before) {
		t.Error("a step that was stopped changed the state")
	}
	whole := start(t, endless())
	steps(t, whole, 6)
	steps(t, tr, 6-tr.Done())
	if !bytes.Equal(state(t, tr), state(t, whole)) {
		t.Error("after a stopped step the run ends in another state")
	}
}

// Held-out pictures are never drawn, are at most a tenth of each class, and judge the averages
// with the same noise each time.
func TestHeldOut(t *testing.T) {
	c := endless()
	c.HeldOut = 30
	tr := start(t, c)
	if got := tr.HeldOut(); got != 2 { // one of 19, one of 18
		t.Fatalf("held out: got %d, want 2", got)
	}
	for k := range 200 {
		for _, h := range tr.held {
			if tr.image(k) == h {
				t.Fatalf("draw %d uses image %d, which is held out", k, h)
			}
		}
	}
	steps(t, tr, 20)
	a, err := tr.Judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := state(t, tr)
	b, err := tr.Judge(t.Context())
	if err != nil || a != b {
		t.Errorf("judged twice: got %v and %v, error %v", a, b, err)
	}
	if !bytes.Equal(state(t, tr), before) {
		t.Error("a judgement changed the state")
	}
	losses := make([]float64, len(tr.averages))
	for i := range losses {
		if losses[i], err = tr.judge.loss(t.Context(), tr.averages[i].weights, tr.held); err != nil {
			t.Fatal(err)
		}
		if losses[i] < a.HeldOut {
			t.Errorf("average %d has a lower loss, %g, than the chosen one, %g", i, losses[i], a.HeldOut)
		}
	}
	if losses[0] == losses[2] {
		t.Error("all averages have the same loss")
	}
	if _, err := start(t, smallConfig()).Judge(t.Context()); err == nil {
		t.Error("no held-out pictures: got no error")
	}
}

// Mirrored and shifted pictures are those of the definition, all of them occur, and a draw is
// always augmented alike.
func TestAugmented(t *testing.T) {
	c := smallConfig()
	c.Flip, c.Shift = true, 2
	tr := start(t, c)
	w := tr.workers[0].(*worker)
	clean, x := make([]float32, 64), make([]float32, 64)
	for i := range clean {
		clean[i] = float32(i)
	}
	seen := map[[3]int]bool{}
	for draw := range uint64(2000) {
		copy(x, clean)
		w.augmented(x, draw)
		found := 0
		for flip := range 2 {
			for down := -2; down <= 2; down++ {
				for right := -2; right <= 2; right++ {
					same := true
					for i, v := range x {
						row, column := min(max(i/8-down, 0), 7), min(max(i%8-right, 0), 7)
						if flip == 1 {
							column = 7 - column
						}
						same = same && v == clean[row*8+column]
					}
					if same {
						found++
						seen[[3]int{flip, down, right}] = true
					}
				}
			}
		}
		if found != 1 {
			t.Fatalf("draw %d is %d of the 50 augmentations, want 1", draw, found)
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d of 50 augmentations occur", len(seen))
	}
}
