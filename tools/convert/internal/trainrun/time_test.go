package trainrun

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// endless returns options of a run that can be cut short and extended.
func endless(t testing.TB, dir string) Options {
	o := options(t, dir)
	c := o.Config
	c.Decay, c.DecayFrom, c.Average, c.Averages, c.HeldOut = "sqrt", 30, 0, []float64{0.05, 0.2}, 2
	return o
}

// again returns options that continue the run in dir.
func again(t testing.TB, dir string) Options {
	o := endless(t, dir)
	o.Config, o.Resume = nil, true
	return o
}

// A run that was killed is finished: its last state becomes a model, without a step, and the run
// can still go on to its end.
func TestFinishAfterKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childEndless+"=yes")
	stdout, err := cmd.StdoutPipe() // a byte for each step
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, stdout, 40)
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(filepath.Join(dir, "model.json")); err == nil {
		t.Fatal("there is a model already, and nothing is tested")
	}
	o := again(t, dir)
	o.Finish, o.SampleEvery = true, 0
	drawn := 0
	o.Sheet = func(string, *tensor.Tensor, []string) error { drawn++; return nil }
	o.Progress = func(Progress) { t.Error("a step was taken") }
	last := stateFile
	if _, err := os.Stat(filepath.Join(dir, last)); err != nil {
		last = previousFile // it was killed while it saved
	}
	state := file(t, dir, last)
	mustRun(t, o)
	f, err := weights.Open(filepath.Join(dir, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Open(f); err != nil {
		t.Fatal(err)
	}
	if drawn != 1 || !bytes.Equal(file(t, dir, last), state) {
		t.Errorf("%d sheets were drawn, want 1, and the state must not change", drawn)
	}
	mustRun(t, again(t, dir))
	whole := t.TempDir()
	mustRun(t, endless(t, whole))
	if !bytes.Equal(file(t, dir, stateFile), file(t, whole, stateFile)) {
		t.Error("after a kill and a finished model the run ends in another state")
	}
}

// A run that is extended ends as one that was planned so long, and cut short as one of so few.
func TestResumeWithOtherSteps(t *testing.T) {
	long, dir := t.TempDir(), t.TempDir()
	o := endless(t, long)
	o.Config.Steps = 150
	mustRun(t, o)
	mustRun(t, endless(t, dir)) // 120 steps
	o = again(t, dir)
	o.Steps = 150
	mustRun(t, o)
	for _, name := range []string{stateFile, "model.json", lossFile} {
		if !bytes.Equal(file(t, dir, name), file(t, long, name)) {
			t.Errorf("%s differs from that of a run of 150 steps", name)
		}
	}
	if !bytes.Contains(file(t, dir, "config.json"), []byte(`"steps": 150`)) {
		t.Error("config.json does not have the new number of steps")
	}
	o = again(t, dir)
	o.Steps = 100
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "between the 150 that have been taken") {
		t.Errorf("fewer steps than were taken: got error %v", err)
	}
	fixed := t.TempDir()
	mustRun(t, options(t, fixed))
	o = again(t, fixed)
	o.Steps = 150
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `decay "cosine"`) {
		t.Errorf("a schedule that depends on the steps: got error %v", err)
	}
}

// A run of a certain time ends before the time is up, however many steps were planned, and
// config.json has the number of steps, which repeats it without a clock.
func TestTime(t *testing.T) {
	for _, steps := range []int{3, 1 << 30} {
		dir := t.TempDir()
		o := endless(t, dir)
		o.Config.Steps, o.Time = steps, 300*time.Millisecond
		mustRun(t, o)
		taken := o.Config.Steps
		if taken == 1<<30 {
			t.Errorf("planned %d steps: took as many", steps)
		}
		if !bytes.Contains(file(t, dir, "config.json"), []byte(`"steps": `+strconv.Itoa(taken)+",")) {
			t.Errorf("planned %d steps: config.json does not have the %d that were taken", steps, taken)
		}
		repeated := t.TempDir()
		o = endless(t, repeated)
		o.Config.Steps = taken
		mustRun(t, o)
		if !bytes.Equal(file(t, dir, "model.json"), file(t, repeated, "model.json")) {
			t.Errorf("planned %d steps: the model differs from that of a run of %d steps", steps, taken)
		}
	}
}

// The end is planned by the time of a step and of the last sheet.
func TestEnded(t *testing.T) {
	r := &run{Options: Options{Config: endless(t, "").Config, Time: time.Hour}}
	r.trainer = newTrainer(t)
	for _, c := range []struct {
		passed, step, sheet time.Duration
		want                bool
	}{
		{0, time.Minute, time.Minute, false},
		{50 * time.Minute, time.Minute, 5 * time.Minute, false},
		{50 * time.Minute, 6 * time.Minute, 5 * time.Minute, true},
		{50 * time.Minute, time.Minute, 9*time.Minute + 30*time.Second, true},
		{2 * time.Hour, time.Second, 0, true},
	} {
		r.clock = clock{began: time.Now().Add(-c.passed), limit: r.Time, steps: fewSteps, recent: c.step, showing: c.sheet}
		if got := r.ended(); got != c.want {
			t.Errorf("%v passed, %v a step, %v a sheet: got %v, want %v", c.passed, c.step, c.sheet, got, c.want)
		}
	}
}

func TestOverfits(t *testing.T) {
	for _, c := range []struct {
		name             string
		heldOut, trained []float64
		want             bool
	}{
		{"falls", []float64{3, 2, 1}, []float64{3, 2, 1}, false},
		{"rises once", []float64{3, 1, 1.1}, []float64{3, 1, 0.9}, false},
		{"rises twice", []float64{3, 1, 1.1, 1.2}, []float64{3, 1, 0.9, 0.8}, true},
		{"both rise", []float64{3, 1, 1.1, 1.2}, []float64{3, 1, 1.1, 1.2}, false},
		{"within noise", []float64{3, 1, 1.01, 1.01}, []float64{3, 1, 0.9, 0.8}, false},
	} {
		var all []judged
		for i, h := range c.heldOut {
			all = append(all, judged{i, h, c.trained[i]})
		}
		if _, got := overfits(all); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// Every axis has four ticks or more with short numbers, from a tenth of a decade on.
func TestTicks(t *testing.T) {
	for _, c := range [][2]float64{{1, 10000}, {0.35, 0.42}, {0.3, 3}, {1, 600}, {0.001, 80}, {1, 1e9}, {0.79, 2.9}} {
		got := ticks{}.Ticks(c[0], c[1])
		if len(got) < 4 || len(got) > 12 {
			t.Errorf("%g to %g: got %d ticks, want 4 to 12", c[0], c[1], len(got))
		}
		for _, tick := range got {
			if tick.Value < c[0] || tick.Value > c[1] || len(tick.Label) > 6 {
				t.Errorf("%g to %g: tick at %g is labelled %q", c[0], c[1], tick.Value, tick.Label)
			}
		}
	}
}
