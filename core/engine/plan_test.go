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
			`engine: sampler: sampler: method is "dpm9", need one of ["dpmpp2m" "ddim" "ddpm" "ddpm-large" "heun" "euler" "unipc" "dpmpp-multistep" "dpmpp-singlestep" "dpm-multistep" "dpm-singlestep" "dpm2" "deis" "lms" "ipndm" "pndm" "rk45" "euler-ancestral" "dpm2-ancestral" "sde-dpmpp" "sde-dpmpp-singlestep" "sde-dpm" "adaptive-sde" "pc" "annealed-langevin" "flow-euler" "flow-heun" "consistency" "ddpm-learned" "ddpm-analytic"]`},
		{"variances", testInfo(), false, `{"sampler":"ddpm-learned"}`,
			`engine: sampler: found "ddpm-learned", need another, as "dpmpp2m": the model has learned no variances`},
		{"posterior", testInfo(), false, `{"sampler":"ddpm-analytic"}`,
			`engine: sampler: found "ddpm-analytic", need another, as "dpmpp2m": the model does not say its posterior variances (tweedie posterior measures them)`},
		{"consistency", testInfo(), false, `{"sampler":"consistency"}`, `engine: sampler: found "consistency", need another, as "dpmpp2m": the model has no consistency function`},
		{"solver of a consistency function", consistent, false, `{"sampler":"heun"}`,
			`engine: sampler: found "heun", need another, as "consistency": the model is a consistency function and no denoiser`},
		{"eta", testInfo(), false, `{"eta":0.5}`, `engine: settings: sampler: eta is 0.5 for "dpmpp2m", need 0: it has no eta, as "ddim" has`},
		{"order", testInfo(), false, `{"sampler":"lms","order":4,"steps":3}`, "engine: settings: sampler: order is 4 with 3 steps, need at most the steps"},
		{"steps of no corrector", testInfo(), false, `{"sampler":"pc","corrector":"none","corrector_steps":2}`,
			`engine: settings: sampler: corrector_steps is 2 and snr 0 with corrector "none", need neither, or another corrector`},
		{"corrector of an ODE", testInfo(), false, `{"sampler":"euler","corrector_steps":2}`,
			`engine: settings: sampler: corrector_steps is 2 for "euler", need 0: it has no corrector_steps, as "pc" has`},
		{"range of no churn", testInfo(), false, `{"sampler":"heun","s_tmax":2}`,
			"engine: settings: sampler: s_churn is 0 beside others of churn, need it above 0, or s_tmin, s_tmax and s_noise 0"},
		{"class", testInfo(), false, `{"class":3}`, `engine: class: found "3", need one of ["dark" "gray" "light"]`},
		{"class of no classes", plain, false, `{"class":0}`, `engine: class: found "0", need none: the model has no classes`},
		{"guidance of no classes", plain, false, `{"guidance":2}`, "engine: guidance: found 2, need 1: the model has no classes to guide towards"},
		{"chain", testInfo(), false, `{"schedule":"trailing"}`,
			`engine: steps or schedule: sampler: invalid noise schedule: kind is "trailing", need "karras": the model has no chain of steps`},
		{"range", testInfo(), false, `{"sigma_max":80}`,
			"engine: steps or schedule: sampler: invalid noise schedule: sigmas[0] = 80 is outside the model's range, need [0.01, 40]"},
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
