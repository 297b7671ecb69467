package engine

import (
	"encoding/json"
	"testing"

	"tweedie/core/model"
)

// TestCheckErrors holds the words for what this model cannot do.
func TestCheckErrors(t *testing.T) {
	plain := testInfo()
	plain.Classes, plain.Unconditional, plain.labels, plain.Defaults.Guidance = nil, false, 0, 1
	consistent := testInfo()
	consistent.Samplers = SamplersOf(&model.Config{Prediction: model.Consistency})
	for _, c := range []struct {
		name    string
		info    Info
		inpaint bool
		in      string
		want    string
	}{
		{"sampler", testInfo(), false, `{"sampler":"dpm9"}`,
			"sampler must be one of dpmpp2m, ddim, ddpm, ddpm-large, heun, euler, unipc, unipc-noise, dpmpp-multistep, res-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, dpm-fast, dpm-adaptive, dpm2, deis, lms, ipndm, pndm, gradient-estimation, rk45, euler-ancestral, dpm2-ancestral, sde-dpmpp, dpmpp3m-sde, sa-solver, er-sde, restart, sde-dpmpp-singlestep, sde-dpm, adaptive-sde, pc, annealed-langevin, flow-euler, flow-heun, consistency, lcm, tcd, ddpm-learned or ddpm-analytic (got \"dpm9\")"},
		{"variances", testInfo(), false, `{"sampler":"ddpm-learned"}`,
			`sampler must be another, such as dpmpp2m: the model has not learned variances (got "ddpm-learned")`},
		{"posterior", testInfo(), false, `{"sampler":"ddpm-analytic"}`,
			`sampler must be another, such as dpmpp2m: the model file holds no posterior variances, which tweedie posterior measures (got "ddpm-analytic")`},
		{"consistency", testInfo(), false, `{"sampler":"consistency"}`, `sampler must be another, such as dpmpp2m: the model is not a consistency model (got "consistency")`},
		{"solver of a consistency function", consistent, false, `{"sampler":"heun"}`,
			`sampler must be another, such as consistency: the model is a consistency model, not a denoiser (got "heun")`},
		{"eta", testInfo(), false, `{"eta":0.5}`, "eta must be 0 with sampler dpmpp2m: only ddim takes it (got 0.5)"},
		{"order", testInfo(), false, `{"sampler":"lms","order":4,"steps":3}`, "order must be at most the number of steps, 3 (got 4)"},
		{"corrector of an ODE", testInfo(), false, `{"sampler":"euler","corrector_steps":2}`,
			"corrector_steps must be left out with sampler euler: only pc and annealed-langevin take it (got 2)"},
		{"range of no churn", testInfo(), false, `{"sampler":"heun","s_tmax":2}`,
			"s_tmax must be left out unless s_churn is above 0 (got 2)"},
		{"class", testInfo(), false, `{"class":3}`, `class must be one of dark, gray or light (got "3")`},
		{"class of no classes", plain, false, `{"class":0}`, `class must be none, or left out: the model has no classes (got "0")`},
		{"guidance of no classes", plain, false, `{"guidance":2}`, "guidance must be 1 for a model without classes (got 2)"},
		{"chain", testInfo(), false, `{"schedule":"trailing"}`,
			`schedule must be another, such as karras: the model was not trained on a chain of steps (got "trailing")`},
		{"range", testInfo(), false, `{"sigma_max":80}`,
			"sigma_max must be a number from 0.01 to 40, the noise levels of the model (got 80)"},
		{"resample", testInfo(), false, `{"resample":2}`, "resample must be left out: only inpainting takes it (got 2)"},
		{"jump", testInfo(), true, `{"resample":2,"jump":8}`,
			"jump must be below the number of steps, 8 (got 8)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest([]byte(c.in))
			if err == nil {
				_, err = New(c.info, newGaussian(), Options{}).Check(r, c.inpaint)
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestCheckFills shows what absent fields become, as the page reads it.
func TestCheckFills(t *testing.T) {
	for _, c := range []struct {
		in      string
		inpaint bool
		want    string
	}{
		{`{}`, false, `{"n":1,"seed":0,"sampler":"dpmpp2m","steps":8,"eta":0,"guidance":1.5,"nfe":8,"passes":16,"work":16,"walk":8,"shape":[2,3,4]}`},
		{`{"n":3,"sampler":"ddim","seed":5}`, false, `{"n":3,"seed":5,"sampler":"ddim","steps":8,"eta":0.25,"guidance":1.5,"nfe":8,"passes":16,"work":16,"walk":8,"shape":[2,3,4]}`},
		{`{"sampler":"heun","steps":5,"guidance":0}`, false, `{"n":1,"seed":0,"sampler":"heun","steps":5,"eta":0,"guidance":0,"nfe":9,"passes":9,"work":9,"walk":5,"shape":[2,3,4]}`},
		{`{"resample":3,"jump":2}`, true, `{"n":1,"seed":0,"sampler":"dpmpp2m","steps":8,"eta":0,"guidance":1.5,"resample":3,"jump":2,"nfe":20,"passes":40,"work":40,"walk":20,"shape":[2,3,4]}`},
	} {
		r, err := ParseRequest([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(testInfo(), newGaussian(), Options{}).Check(r, c.inpaint)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(p); err != nil || string(got) != c.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", c.in, got, err, c.want)
		}
	}
}

// TestOwnCorrectorSteps: those of a model are for the model's corrector, not for none.
func TestOwnCorrectorSteps(t *testing.T) {
	info := testInfo()
	info.Defaults.Sampler, info.Defaults.CorrectorSteps = "pc", 3
	for in, want := range map[string]int{`{}`: 3, `{"corrector_steps":2}`: 2, `{"corrector":"annealed-langevin"}`: 3, `{"corrector":"none"}`: 0, `{"sampler":"euler"}`: 0} {
		r, err := ParseRequest([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := info.Check(r, false); err != nil || p.CorrectorSteps != want {
			t.Errorf("%s: %d corrector steps, %v, want %d", in, p.CorrectorSteps, err, want)
		}
	}
}

// TestInfoHasLists: what a page goes through is a list in JSON, if an empty one.
func TestInfoHasLists(t *testing.T) {
	for _, m := range SamplersOf(&model.Config{}) {
		if m.Takes == nil {
			t.Errorf("sampler %s takes no list", m.Name)
		}
	}
}
