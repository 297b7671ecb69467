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
			`engine: sampler: sampler: method must be one of ["dpmpp2m" "ddim" "ddpm" "ddpm-large" "heun" "euler" "unipc" "dpmpp-multistep" "dpmpp-singlestep" "dpm-multistep" "dpm-singlestep" "dpm2" "deis" "lms" "ipndm" "pndm" "rk45" "euler-ancestral" "dpm2-ancestral" "sde-dpmpp" "sde-dpmpp-singlestep" "sde-dpm" "adaptive-sde" "pc" "annealed-langevin" "flow-euler" "flow-heun" "consistency" "ddpm-learned" "ddpm-analytic"] (got "dpm9")`},
		{"variances", testInfo(), false, `{"sampler":"ddpm-learned"}`,
			`engine: sampler: found "ddpm-learned", need another, as "dpmpp2m": the model has learned no variances`},
		{"posterior", testInfo(), false, `{"sampler":"ddpm-analytic"}`,
			`engine: sampler: found "ddpm-analytic", need another, as "dpmpp2m": the model does not say its posterior variances (tweedie posterior measures them)`},
		{"consistency", testInfo(), false, `{"sampler":"consistency"}`, `engine: sampler: found "consistency", need another, as "dpmpp2m": the model has no consistency function`},
		{"solver of a consistency function", consistent, false, `{"sampler":"heun"}`,
			`engine: sampler: found "heun", need another, as "consistency": the model is a consistency function and no denoiser`},
		{"eta", testInfo(), false, `{"eta":0.5}`, `engine: settings: sampler: eta is not an option of "dpmpp2m" (got 0.5): remove it, or use "ddim"`},
		{"order", testInfo(), false, `{"sampler":"lms","order":4,"steps":3}`, "engine: settings: sampler: order must be at most the number of steps (got order 4 with 3 steps)"},
		{"steps of no corrector", testInfo(), false, `{"sampler":"pc","corrector":"none","corrector_steps":2}`,
			`engine: settings: sampler: corrector_steps and snr have no effect with corrector "none" (got 2 and 0): remove them, or use another corrector`},
		{"corrector of an ODE", testInfo(), false, `{"sampler":"euler","corrector_steps":2}`,
			`engine: settings: sampler: corrector_steps is not an option of "euler" (got 2): remove it, or use "pc"`},
		{"range of no churn", testInfo(), false, `{"sampler":"heun","s_tmax":2}`,
			"engine: settings: sampler: s_tmin, s_tmax and s_noise have no effect when s_churn is 0: remove them, or set s_churn above 0"},
		{"class", testInfo(), false, `{"class":3}`, `engine: class: found "3", need one of ["dark" "gray" "light"]`},
		{"class of no classes", plain, false, `{"class":0}`, `engine: class: found "0", need none: the model has no classes`},
		{"guidance of no classes", plain, false, `{"guidance":2}`, "engine: guidance: found 2, need 1: the model has no classes to guide towards"},
		{"chain", testInfo(), false, `{"schedule":"trailing"}`,
			`engine: steps or schedule: sampler: invalid noise schedule: kind "trailing" needs a model with a chain of discrete steps: use kind "karras"`},
		{"range", testInfo(), false, `{"sigma_max":80}`,
			"engine: steps or schedule: sampler: invalid noise schedule: noise levels must lie in the model's range [0.01, 40] (got sigmas[0] = 80)"},
		{"resample", testInfo(), false, `{"resample":2}`, "engine: resample and jump: found one of them, need neither: only inpainting resamples"},
		{"jump", testInfo(), true, `{"resample":2,"jump":8}`,
			"engine: resample or jump: edit: repaint: jump is 8 of 8 steps, need less than the steps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(c.info, newGaussian(), Options{}).Check(r, c.inpaint)
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
		{`{}`, false, `{"n":1,"seed":0,"sampler":"dpmpp2m","steps":8,"eta":0,"guidance":1.5,"nfe":8,"passes":16,"work":16,"walk":8}`},
		{`{"n":3,"sampler":"ddim","seed":5}`, false, `{"n":3,"seed":5,"sampler":"ddim","steps":8,"eta":0.25,"guidance":1.5,"nfe":8,"passes":16,"work":16,"walk":8}`},
		{`{"sampler":"heun","steps":5,"guidance":0}`, false, `{"n":1,"seed":0,"sampler":"heun","steps":5,"eta":0,"guidance":0,"nfe":9,"passes":9,"work":9,"walk":5}`},
		{`{"resample":3,"jump":2}`, true, `{"n":1,"seed":0,"sampler":"dpmpp2m","steps":8,"eta":0,"guidance":1.5,"resample":3,"jump":2,"nfe":20,"passes":40,"work":40,"walk":20}`},
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
