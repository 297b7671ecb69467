package model_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// processes lists the ways to specify the input of a network.
var processes = []struct {
	name   string
	change func(*model.Config)
}{
	{"chain", func(c *model.Config) { c.Schedule = &diffusion.Schedule{Kind: diffusion.Linear} }},
	{"whole steps", func(c *model.Config) { c.Schedule, c.WholeSteps = &diffusion.Schedule{Kind: diffusion.Cosine}, true }},
	{"thermodynamic", func(c *model.Config) { c.Schedule = &diffusion.Schedule{Kind: diffusion.Thermodynamic, Steps: 2000} }},
	{"vp", func(c *model.Config) { c.Process = &diffusion.Spec{Kind: diffusion.KindVP} }},
	{"sub-vp", func(c *model.Config) { c.Process = &diffusion.Spec{Kind: diffusion.KindSubVP} }},
	{"ve", func(c *model.Config) { c.Process = &diffusion.Spec{Kind: diffusion.KindVE, SigmaMax: 50} }},
	{"smld", func(c *model.Config) { c.Process = &diffusion.Spec{Kind: diffusion.KindSMLD, Levels: 20} }},
	{"variational", func(c *model.Config) {
		c.Process = &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: &diffusion.Monotone{Start: -9, End: 8, Slope: 2, Units: [][3]float64{{3, -1, 0.5}}}}
	}},
	{"straight", func(c *model.Config) { c.Process = &diffusion.Spec{Kind: diffusion.KindRectifiedFlow} }},
}

// A runner builds the chain of its process once, not for every denoiser.
func TestChainIsBuiltOnce(t *testing.T) {
	c := parse(t)
	c.Prediction, c.SigmaMin, c.SigmaMax = model.Epsilon, 0.1, 30
	c.Schedule = &diffusion.Schedule{Kind: diffusion.Linear}
	m, err := model.New("test", c, newModel(t).Params())
	if err != nil {
		t.Fatal(err)
	}
	r := runner(t, m, 2, 1)
	r.Denoiser([]int{0, 1}, 2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.Denoiser([]int{0, 1}, 2)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4096 { // a chain of 1000 steps takes 8000 bytes and more
		t.Errorf("a denoiser allocates %d bytes, want at most 4096", got)
	}
}

// Every prediction with every process gives a denoiser with the coefficients of its
// parametrization.
func TestEveryPredictionIsReachable(t *testing.T) {
	x, y := images(2), []int{0, 1}
	for _, process := range processes {
		for _, what := range diffusion.Predictions {
			c := parse(t)
			c.Prediction, c.SigmaMin, c.SigmaMax = string(what), 0.1, 30
			process.change(c)
			m, err := model.New("test", c, newModel(t).Params())
			if err != nil {
				t.Fatalf("%s, %s: %v", process.name, what, err)
			}
			p, err := c.Parametrization()
			if err != nil {
				t.Fatal(err)
			}
			const sigma = 1.5
			k, err := p.Coefficients(sigma)
			if err != nil {
				t.Fatal(err)
			}
			r := runner(t, m, 2, 1)
			time := c.Time(float32(k.CNoise))
			f, err := r.Forward(x.Scaled(float32(k.CIn)), []float32{time, time}, y)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Denoiser(y, 1)(x, sigma)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				want := k.CSkip*float64(v) + k.COut*float64(f.Data[i])
				bound := 0x1p-22 * (math.Abs(k.CSkip*float64(v)) + math.Abs(k.COut*float64(f.Data[i])))
				if !(math.Abs(float64(got.Data[i])-want) <= bound) {
					t.Fatalf("%s, %s: D[%d] is %g, want %g ± %.2g", process.name, what, i, got.Data[i], want, bound)
				}
			}
			text, err := m.Manifest(nil)
			if err != nil {
				t.Fatal(err)
			}
			back, err := model.ParseConfig(text.Config)
			if err != nil {
				t.Fatalf("%s, %s: its own configuration: %v", process.name, what, err)
			}
			if q, err := back.Parametrization(); err != nil {
				t.Fatal(err)
			} else if again, err := q.Coefficients(sigma); err != nil || again != k {
				t.Errorf("%s, %s: from its own configuration %+v, %v, want %+v", process.name, what, again, err, k)
			}
		}
	}
}

func TestProcessRefuses(t *testing.T) {
	for _, c := range []struct {
		text   string
		change func(*model.Config)
	}{
		{`schedule or process must be given with prediction`, func(c *model.Config) {}},
		{"process and schedule (or whole_steps) exclude each other", func(c *model.Config) {
			c.Process, c.Schedule = &diffusion.Spec{Kind: diffusion.KindVP}, &diffusion.Schedule{Kind: diffusion.Linear}
		}},
		{"process and schedule (or whole_steps) exclude each other", func(c *model.Config) {
			c.Process, c.WholeSteps = &diffusion.Spec{Kind: diffusion.KindVP}, true
		}},
		{`process and whole_steps are not allowed with prediction "edm"`, func(c *model.Config) {
			c.Prediction, c.Process = model.EDM, &diffusion.Spec{Kind: diffusion.KindVP}
		}},
		{`kind must be`, func(c *model.Config) { c.Process = &diffusion.Spec{Kind: "sde"} }},
		{"noise level 40 is outside the range of the process", func(c *model.Config) {
			c.SigmaMin, c.Process = 0.02, &diffusion.Spec{Kind: diffusion.KindVE, SigmaMax: 30}
		}},
	} {
		config := parse(t)
		config.Prediction = string(diffusion.PredictScore)
		c.change(config)
		if err := config.Validate(); !errors.Is(err, model.ErrConfig) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got error %v, want ErrConfig with %q", err, c.text)
		}
	}
}

func TestPredictionRefusesByName(t *testing.T) {
	c := parse(t)
	c.Prediction = "noise"
	const want = `prediction must be "edm", "consistency" or one of ["epsilon" "x0" "v" "score" "scaled_score" "velocity"] (got "noise")`
	if err := c.Validate(); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
