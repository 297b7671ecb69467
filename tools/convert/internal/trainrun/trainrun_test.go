package trainrun

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tweedie/core/tensor"
	"tweedie/core/train"
)

// config is a run of milliseconds.
const config = `{
	"model": {
		"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "time_scale": 100, "sigma_min": 0.01, "sigma_max": 40,
		"shape": [1, 4, 4], "classes": ["a", "b"], "null_class": 2,
		"defaults": {"sampler": "dpmpp2m", "steps": 3, "guidance": 1.5},
		"unet": {
			"sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": [8],
			"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "layers_per_block": 1,
			"norm_num_groups": 4, "norm_eps": 1e-5, "num_class_embeds": 3
		}
	},
	"seed": 5, "steps": 120, "batch": 8, "lanes": 2, "learning_rate": 0.003, "warm_up": 5, "decay": "cosine",
	"weight_decay": 0.01, "beta1": 0, "beta2": 0, "clip": 1, "average": 0.9, "drop_class": 0.1, "p_mean": -1, "p_std": 1.2
}`

func options(t testing.TB, dir string) Options {
	t.Helper()
	c, err := train.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	d := &train.Data{N: 20, H: 4, W: 4, C: 1}
	for i := range 20 {
		d.Labels = append(d.Labels, i%2)
		for j := range 16 {
			d.Images = append(d.Images, uint8(i*31+j*j*7))
		}
	}
	return Options{Dir: dir, Name: "test", Config: c, Data: d, SaveEvery: 1, SampleEvery: -1}
}

func mustRun(t testing.TB, o Options) {
	t.Helper()
	if err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
}

func file(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// uninterrupted is the state at the end of a run that nothing stopped.
func uninterrupted(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	o := options(t, dir)
	o.SaveEvery = time.Hour
	mustRun(t, o)
	return file(t, dir, stateFile)
}

const (
	childDir  = "TWEEDIE_FIT_CHILD"
	childDisk = "TWEEDIE_FIT_CHILD_DISK" // if set, the disk is full from step 60 on

	childEndless = "TWEEDIE_FIT_CHILD_ENDLESS" // if set, the run can be extended
)

// TestMain is also the process that TestKilled kills and whose disk TestFullDisk fills.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	_, err := os.Stat(filepath.Join(dir, "config.json"))
	o := options(&testing.T{}, dir)
	if os.Getenv(childEndless) != "" {
		o = endless(&testing.T{}, dir)
	}
	o.Resume = err == nil
	full := os.Getenv(childDisk) != ""
	o.Progress = func(p Progress) {
		os.Stdout.Write([]byte{'.'})
		if full && p.Step == 60 {
			fillDisk()
		}
	}
	if err := Run(context.Background(), o); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// fillDisk lets no file of this process grow beyond a few kilobytes, as a full disk would.
func fillDisk() {
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = 4096
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}

// TestKilled kills a run again and again, a few steps later each time, until it comes through.
func TestKilled(t *testing.T) {
	want := uninterrupted(t)
	dir := filepath.Join(t.TempDir(), "run")
	kills := 0
	for steps := int64(5); ; steps += 7 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe() // a byte for each step
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if n, _ := io.CopyN(io.Discard, stdout, steps); n == steps {
			cmd.Process.Kill()
		}
		if err := cmd.Wait(); err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("after %d kills: %s", kills, stderr.String())
		}
		kills++
	}
	if kills == 0 {
		t.Fatal("the run was never killed")
	}
	if !bytes.Equal(file(t, dir, stateFile), want) {
		t.Errorf("after %d kills the state differs from that of an uninterrupted run", kills)
	}
}

func TestTornStateFallsBack(t *testing.T) {
	want := uninterrupted(t)
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	o := options(t, dir)
	o.Progress = func(p Progress) {
		if p.Step == 50 {
			stop()
		}
	}
	if err := Run(ctx, o); err != context.Canceled {
		t.Fatalf("error is %v, need context.Canceled", err)
	}
	state := file(t, dir, stateFile)
	if err := os.WriteFile(filepath.Join(dir, stateFile), state[:len(state)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	o = options(t, dir)
	o.Resume = true
	o.Log = func(format string, args ...any) { log.WriteString(strings.TrimSpace(format) + "\n") }
	mustRun(t, o)
	if !bytes.Equal(file(t, dir, stateFile), want) {
		t.Error("the run that fell back on its previous state ended in other weights")
	}
	if !strings.Contains(log.String(), "resumed") {
		t.Errorf("the log does not tell of it: %s", log.String())
	}
}

func TestFullDisk(t *testing.T) {
	want := uninterrupted(t)
	dir := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childDisk+"=full")
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "last good state") {
		t.Fatalf("error is %v, %q, need one that names the last good state", err, said)
	}
	o := options(t, dir)
	o.Resume = true
	mustRun(t, o)
	if !bytes.Equal(file(t, dir, stateFile), want) {
		t.Error("the run that met a full disk ended in other weights")
	}
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	mustRun(t, o)
	if err := Run(context.Background(), options(t, dir)); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("a second run in the folder: error is %v, need one that names --resume", err)
	}
	o = options(t, t.TempDir())
	o.Resume = true
	if err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "no run to resume") {
		t.Errorf("nothing to resume: error is %v", err)
	}
	o = options(t, dir)
	o.Resume, o.Config.LearningRate = true, 0.1
	if err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "the configuration differs from") {
		t.Errorf("another configuration: error is %v", err)
	}
}

func TestDraws(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	sheets := 0
	o.SampleEvery = 60
	o.Sheet = func(path string, x *tensor.Tensor, columns []string) error {
		sheets++
		if x.Shape[0] != 16 || !slices.Equal(columns, []string{"a", "b"}) {
			t.Errorf("a sheet of %v in columns %q, want 16 images in a and b", x.Shape, columns)
		}
		return nil
	}
	mustRun(t, o)
	if sheets != 2 {
		t.Errorf("%d sheets, need 2", sheets)
	}
	if plot := file(t, dir, "loss.png"); !bytes.HasPrefix(plot, []byte("\x89PNG")) {
		t.Error("loss.png is not a PNG")
	}
}

// Only one process trains in a folder.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	second := make(chan error, 1)
	o.Progress = func(p Progress) {
		if p.Step == 3 {
			again := options(t, dir)
			again.Config, again.Resume = nil, true
			second <- Run(t.Context(), again)
		}
	}
	mustRun(t, o)
	if err := <-second; err == nil || !strings.Contains(err.Error(), "another process trains in it") {
		t.Errorf("a second run at the same time: got error %v", err)
	}
	again := options(t, dir)
	again.Config, again.Resume = nil, true
	mustRun(t, again) // the lock ends with the run
}

// A run whose loss leaves all bounds is an error, and the states on disk are from before.
func TestDivergence(t *testing.T) {
	r := &run{Options: Options{Dir: t.TempDir(), Log: func(string, ...any) {}}}
	r.trainer, r.first, r.smooth = newTrainer(t), -1000, 2
	for range 200 {
		r.smooth += (1 - r.smooth) / 10
		if err := r.converges(1); err != nil {
			t.Fatal(err)
		}
	}
	r.smooth = 30 // of a lowest of 1
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(r.Dir, stateFile)); err == nil {
		t.Error("a state was saved although the loss has risen thirtyfold")
	}
	if err := r.converges(30); err != nil {
		t.Errorf("thirty times the lowest loss: got %v, want none yet", err)
	}
	r.smooth = 15000
	for _, loss := range []float64{62959, math.NaN(), math.Inf(1)} {
		if err := r.converges(loss); err == nil || !strings.Contains(err.Error(), "the run diverges") || !strings.Contains(err.Error(), "no state has been saved yet") {
			t.Errorf("loss %g: got error %v", loss, err)
		}
	}
}

// newTrainer returns a trainer that has made no steps.
func newTrainer(t *testing.T) *train.Trainer {
	t.Helper()
	o := options(t, t.TempDir())
	trainer, err := train.New(o.Config, o.Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// A run that is stopped while it draws a sheet saves its state.
func TestStopWhileDrawing(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	o.SaveEvery, o.SampleEvery = time.Hour, 7
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p Progress) {
		if p.Step == 7 {
			cancel() // the sheet is next
		}
	}
	o.Sheet = func(string, *tensor.Tensor, []string) error { return nil }
	if err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want Canceled", err)
	}
	o = options(t, dir)
	o.Config, o.Resume = nil, true
	from := 0
	o.Progress = func(p Progress) {
		if from == 0 {
			from = p.Step
		}
	}
	mustRun(t, o)
	if from != 8 {
		t.Errorf("the run continues with step %d, want 8", from)
	}
}
