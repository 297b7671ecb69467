package train

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/unet"
)

// smallConfig returns a configuration that trains in milliseconds, for smallData.
func smallConfig() *Config {
	classes, null := 3, 2
	return &Config{
		Model: model.Config{
			Arch: model.UNet2D, Prediction: model.EDM, SigmaData: 0.5, TimeScale: 100, SigmaMin: 0.01, SigmaMax: 40,
			Shape: [3]int{1, 8, 8}, Classes: []string{"low", "high"}, NullClass: &null,
			Defaults: model.Defaults{Sampler: "dpmpp2m", Steps: 4, Guidance: 1.5},
			UNet: &unet.Config{
				SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 16}, LayersPerBlock: 1,
				DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
				NormNumGroups: 4, NormEps: 1e-5, NumClassEmbeds: &classes, Patch: 2,
			},
		},
		Seed: 7, Steps: 40, Batch: 10, Shards: 3, LearningRate: 5e-3, WarmUp: 3, Decay: "cosine", WeightDecay: 0.01,
		Clip: 1, Average: 0.99, DropClass: 0.2, PMean: -1, PStd: 1.2,
	}
}

// smallNCSN is smallConfig with the network and the levels of Song & Ermon 2019.
func smallNCSN() *Config {
	c := smallConfig()
	c.Model = model.Config{
		Arch: model.NCSN, NCSN: &unet.NCSN{ImageSize: unet.Square(8), Channels: 1, NGF: 8, NumClasses: 4},
		Prediction: string(diffusion.PredictScaledScore), UnitPixels: true,
		Process:  &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.01, SigmaMax: 1, Levels: 4},
		SigmaMin: 0.01, SigmaMax: 1, Shape: [3]int{1, 8, 8},
	}
	c.DropClass, c.PMean, c.PStd = 0, 0, 0
	return c
}

// smallData returns images of bars whose height depends on the class.
func smallData() *Data {
	rng := rand.New(rand.NewPCG(1, 2))
	d := &Data{N: 37, H: 8, W: 8, C: 1, Images: make([]uint8, 37*64)}
	for i := range d.N {
		class := i % 2
		row := class*4 + rng.IntN(3)
		for x := range 8 {
			d.Images[i*64+row*8+x] = 255
		}
		d.Labels = append(d.Labels, class)
	}
	return d
}

func start(t *testing.T, c *Config) *Trainer {
	t.Helper()
	tr, err := New(c, smallData(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func steps(t *testing.T, tr *Trainer, n int) {
	t.Helper()
	for range n {
		if _, err := tr.Step(); err != nil {
			t.Fatal(err)
		}
	}
}

func state(t *testing.T, tr *Trainer) []byte {
	t.Helper()
	data, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// objectiveConfigs are configurations of every objective, for smallData.
var objectiveConfigs = []struct {
	name   string
	change func(c *Config)
}{
	{"edm", func(*Config) {}},
	{"edm, velocity", func(c *Config) {
		onSpec(c, diffusion.PredictVelocity, &diffusion.Spec{Kind: diffusion.KindRectifiedFlow})
	}},
	{"simple", func(c *Config) { onSchedule(c, diffusion.PredictEpsilon) }},
	{"simple, VP", func(c *Config) {
		onSpec(c, diffusion.PredictEpsilon, &diffusion.Spec{Kind: diffusion.KindVP})
		c.Model.TimeScale, c.PMean, c.PStd = 0, 0, 0
	}},
	{"simple, importance", func(c *Config) {
		onSchedule(c, diffusion.PredictEpsilon)
		c.Model.Schedule.Steps, c.Model.SigmaMin, c.Importance = 4, 0.5, true // few, so that their losses are known soon
	}},
	{"min-snr", func(c *Config) {
		onSchedule(c, diffusion.PredictV)
		c.Objective, c.SNRGamma = "min-snr", 3
	}},
	{"min-snr, edm", func(c *Config) { c.Objective = "min-snr" }},
	{"flow", func(c *Config) {
		onSpec(c, diffusion.PredictVelocity, &diffusion.Spec{Kind: diffusion.KindRectifiedFlow})
		c.Objective = "flow"
	}},
	{"vdm", func(c *Config) {
		onSpec(c, diffusion.PredictEpsilon, &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: diffusion.NewMonotone(-9, 7, 3)})
		c.Objective, c.Model.SigmaMin, c.Model.SigmaMax = vdm, 0.01112, 33
	}},
	{"ncsn", func(c *Config) {
		onSpec(c, diffusion.PredictScaledScore, &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.01, SigmaMax: 40})
		c.Objective, c.Importance = "ncsn", true
	}},
	{"ncsn on its network", func(c *Config) { *c = *smallNCSN() }},
	{"hybrid", learned},
	{"vlb", func(c *Config) {
		learned(c)
		c.Objective = "vlb"
	}},
	{"consistency-training", func(c *Config) { c.Model.Prediction = model.Consistency }},
}

func onSchedule(c *Config, what diffusion.Prediction) {
	c.Model.Prediction, c.Model.Schedule = string(what), &diffusion.Schedule{Kind: diffusion.Cosine}
	c.Model.TimeScale, c.PMean, c.PStd = 0, 0, 0
}

func onSpec(c *Config, what diffusion.Prediction, s *diffusion.Spec) {
	c.Model.Prediction, c.Model.Process, c.Model.TimeScale = string(what), s, 100
}

func learned(c *Config) {
	onSchedule(c, diffusion.PredictEpsilon)
	c.Model.Variance, c.Model.UNet.OutChannels = model.Learned, 2
}

func TestLearns(t *testing.T) {
	for _, p := range objectiveConfigs {
		t.Run(p.name, func(t *testing.T) {
			c := smallConfig()
			p.change(c)
			// The terms of the bound differ by orders of magnitude, and the loss of a consistency
			// model grows with its levels: other tests check what these learn.
			if goal := c.objectiveName(); goal == vlb || goal == hybrid || goal == "vdm" || c.isConsistency() {
				return
			}
			tr := start(t, c)
			steps(t, tr, c.Steps)
			mean := func(part []float32) (sum float64) {
				for _, l := range part {
					sum += float64(l) / float64(len(part))
				}
				return sum
			}
			first, last := mean(tr.Losses()[:5]), mean(tr.Losses()[c.Steps-10:])
			if !(last < 0.8*first) {
				t.Errorf("the loss went from %g to %g in %d steps, want less than four fifths", first, last, c.Steps)
			}
		})
	}
}

// The state includes everything that an objective keeps from step to step, and does not
// depend on the number of cores.
func TestEveryObjectiveResumes(t *testing.T) {
	train := func(t *testing.T, c *Config, cores int) *Trainer {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return start(t, c)
	}
	for _, p := range objectiveConfigs {
		t.Run(p.name, func(t *testing.T) {
			c := smallConfig()
			p.change(c)
			whole, part := train(t, c, 1), train(t, c, 3)
			steps(t, whole, 9)
			steps(t, part, 7)
			if p.name == "simple, importance" && part.importance.cumulative == nil {
				t.Fatal("the levels are still drawn alike, and nothing is tested")
			}
			resumed := start(t, c)
			if err := resumed.Restore(state(t, part)); err != nil {
				t.Fatal(err)
			}
			steps(t, resumed, 2)
			if !bytes.Equal(state(t, resumed), state(t, whole)) {
				t.Error("nine steps with a stop after seven differ from nine in one go")
			}
		})
	}
}

// A model is distilled from a teacher, and a teacher that does not fit is an error.
func TestDistillation(t *testing.T) {
	tr := start(t, smallConfig())
	steps(t, tr, 5)
	teacher, err := tr.Model("teacher")
	if err != nil {
		t.Fatal(err)
	}
	c := smallConfig()
	c.Model.Prediction, c.Objective, c.Teacher = model.Consistency, consistencyDistillation, "teacher.json"
	student, err := New(c, smallData(), teacher)
	if err != nil {
		t.Fatal(err)
	}
	steps(t, student, 2)
	if _, err := New(c, smallData(), nil); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "teacher") {
		t.Errorf("no teacher: error is %v, want ErrConfig that names it", err)
	}
	if _, err := New(smallConfig(), smallData(), teacher); !errors.Is(err, ErrConfig) {
		t.Errorf("a teacher for edm: error is %v, want ErrConfig", err)
	}
	c.Model.SigmaMax = 50
	if _, err := New(c, smallData(), teacher); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "0.01 to 40") {
		t.Errorf("a teacher of fewer levels: error is %v, want ErrConfig with its range", err)
	}
}

func TestResumeIsBitIdentical(t *testing.T) {
	whole := start(t, smallConfig())
	steps(t, whole, 9)
	part := start(t, smallConfig())
	steps(t, part, 4)
	saved := state(t, part)
	resumed := start(t, smallConfig())
	if err := resumed.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if resumed.Done() != 4 {
		t.Fatalf("resumed at step %d, want 4", resumed.Done())
	}
	steps(t, resumed, 5)
	if !bytes.Equal(state(t, resumed), state(t, whole)) {
		t.Error("nine steps with a stop after four differ from nine in one go")
	}
}

func TestResultDoesNotDependOnCores(t *testing.T) {
	train := func(cores int) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		tr := start(t, smallConfig())
		steps(t, tr, 3)
		return state(t, tr)
	}
	if !bytes.Equal(train(1), train(3)) {
		t.Error("one core and three give other bits")
	}
}

func TestRestoreErrors(t *testing.T) {
	tr := start(t, smallConfig())
	steps(t, tr, 2)
	good := state(t, tr)
	other := smallConfig()
	other.LearningRate *= 2
	elsewhere := smallData()
	elsewhere.Images[0] ^= 1
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	onOther, err := New(smallConfig(), elsewhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		tr    *Trainer
		state []byte
		text  string
	}{
		{"empty", tr, nil, "must have at least 32 bytes"},
		{"torn", tr, good[:len(good)-100], "truncated or modified"},
		{"a bit", tr, changed, "truncated or modified"},
		{"other configuration", start(t, other), good, "another configuration"},
		{"other data", onOther, good, "other data"},
	} {
		before := state(t, c.tr)
		err := c.tr.Restore(c.state)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error is %v, want ErrState with %q", c.name, err, c.text)
		}
		if !bytes.Equal(state(t, c.tr), before) {
			t.Errorf("%s: the refused state changed the trainer", c.name)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		text   string
	}{
		{"no steps", func(c *Config) { c.Steps = 0 }, "steps must be 1 to 2^30 (got 0)"},
		{"rate", func(c *Config) { c.LearningRate = -1 }, "learning_rate must be more than 0, at most 10 (got -1)"},
		{"decay", func(c *Config) { c.Decay = "linear" }, `decay must be "cosine", "sqrt" or "none" (got linear)`},
		{"average", func(c *Config) { c.Average = 1 }, "average must be 0 to less than 1 (got 1)"},
		{"no null class", func(c *Config) { c.Model.NullClass = nil }, "drop_class must be 0 for a model without null_class (got 0.2)"},
		{"spread", func(c *Config) { c.PStd = 0 }, "p_std must be above 0 and at most 10 (got 0)"},
		{"objective", func(c *Config) { c.Objective = "magic" }, `objective must be one of ["simple"`},
		{"no chain", func(c *Config) { c.Objective = "simple" }, `objective must be other than "simple", "hybrid" and "vlb" for a model without a schedule (got simple)`},
		{"no levels", func(c *Config) { c.Objective = "ncsn" }, `other than "ncsn" for a model without a process of kind "smld"`},
		{"bound without variances", func(c *Config) {
			onSchedule(c, diffusion.PredictEpsilon)
			c.Objective = "hybrid"
		}, `must be "hybrid" or "vlb" for a model with variance "learned"`},
		{"variances without a bound", func(c *Config) {
			learned(c)
			c.Objective = "simple"
		}, `must be "hybrid" or "vlb" for a model with variance "learned"`},
		{"one channel of two", func(c *Config) {
			learned(c)
			c.Model.UNet.OutChannels = 1
		}, "out_channels must be 2"},
		{"denoiser of a consistency function", func(c *Config) { c.Model.Prediction, c.Objective = model.Consistency, "edm" }, `for prediction "consistency"`},
		{"importance of continuous levels", func(c *Config) { c.Importance = true }, "importance must be false"},
		{"gamma elsewhere", func(c *Config) { c.SNRGamma = 5 }, "snr_gamma must be above 0"},
		{"no teacher", func(c *Config) { c.Model.Prediction, c.Objective = model.Consistency, consistencyDistillation }, "teacher must be a model"},
		{"levels elsewhere", func(c *Config) { c.LevelsFirst = 5 }, "levels_first must be at least 2"},
		{"shape", func(c *Config) { c.Model.Shape[1] = 9 }, "shape must be [1 8 8] as the network (got [1 9 8])"},
	} {
		config := smallConfig()
		c.change(config)
		if err := config.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error is %v, want ErrConfig with %q", c.name, err, c.text)
		}
	}
	if _, err := ParseConfig([]byte(`{"stepps": 3}`)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "stepps") {
		t.Errorf("unknown key: error is %v, want one that names it", err)
	}
}

// Every pass over the data contains each image once.
func TestEachImageOncePerPass(t *testing.T) {
	o := order{n: 37, seed: 3}
	for pass := range 3 {
		seen := make([]int, 37)
		for k := range 37 {
			seen[o.image(pass*37+k)]++
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("pass %d: image %d was drawn %d times", pass, i, n)
			}
		}
	}
}
