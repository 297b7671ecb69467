package engine

import (
	"encoding/json"
	"slices"
	"testing"

	"tweedie/core/minijson"
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// TestParseRequestErrors holds the words a person reads for every bad field.
func TestParseRequestErrors(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"not JSON", `{`, "engine: request: json: byte 1: got the end of the text, want a name"},
		{"not an object", `[]`, "engine: request: json: got an array, want an object"},
		{"trailing", `{} {}`, "engine: request: json: byte 3: got '{', want nothing after the value"},
		{"unknown field", `{"stepz":3}`, "stepz must be left out: there is no such setting; the settings are n, first, seed, class, sampler, steps, eta, guidance, classifier_guidance, size, order, bh, solver_type, lower_order_final, s_churn, s_tmin, s_tmax, s_noise, restarts, restart_steps, restart_tmin, restart_tmax, gamma, tau, predictor, corrector, corrector_steps, snr, epsilon, rtol, atol, brownian, schedule, sigma_max, sigma_min, rho, shift, guidance_sigma_min, guidance_sigma_max, guidance_rescale, threshold, percentile, threshold_max, resample and jump"},
		{"no images", `{"n":0}`, "n must be a whole number from 1 to 1048576 (got 0)"},
		{"half an image", `{"n":1.5}`, "n must be a whole number from 1 to 1048576 (got 1.5)"},
		{"a word of images", `{"n":"many"}`, `n must be a whole number from 1 to 1048576 (got "many")`},
		{"no steps", `{"steps":0}`, "steps must be a whole number from 1 to 10000 (got 0)"},
		{"negative steps", `{"steps":-3}`, "steps must be a whole number from 1 to 10000 (got -3)"},
		{"negative first", `{"first":-1}`, "first must be a whole number from 0 to 9007199254740992 (got -1)"},
		{"last first", `{"first":18446744073709551615}`, "first must be a whole number from 0 to 9007199254740992 (got 1.8446744073709552e+19)"},
		{"negative seed", `{"seed":-1}`, "seed must be a whole number from 0 to 18446744073709551615 (got -1)"},
		{"seed of text", `{"seed":"abc"}`, `seed must be a whole number from 0 to 18446744073709551615 (got "abc")`},
		{"seed too large", `{"seed":"18446744073709551616"}`, `seed must be a whole number from 0 to 18446744073709551615 (got "18446744073709551616")`},
		{"inexact seed", `{"seed":9007199254740993}`, "seed must be a string where it is above 9007199254740992, beyond which JavaScript rounds numbers (got 9007199254740993)"},
		{"negative guidance", `{"guidance":-0.5}`, "guidance must be a number of at least 0 (got -0.5)"},
		{"guidance beyond float32", `{"guidance":1e39}`, "guidance must be a number of at least 0 (got 1e+39)"},
		{"infinite guidance", `{"guidance":1e999}`, "guidance must be a number of at least 0 (got 1e999)"},
		{"guidance NaN", `{"guidance":NaN}`, "engine: request: json: byte 12: got 'N', want a value"},
		{"eta of 2", `{"eta":2}`, "eta must be a number from 0 to 1 (got 2)"},
		{"schedule", `{"schedule":"steep"}`, `schedule must be one of karras, linear, quadratic, exponential, log-snr, polyexponential, cosine, vp, beta, flow, optimised, leading, trailing or linspace (got "steep")`},
		{"resample", `{"resample":0}`, "resample must be a whole number from 1 to 100 (got 0)"},
		{"jump", `{"jump":0}`, "jump must be a whole number from 1 to 10000 (got 0)"},
		{"no signal", `{"snr":0}`, "snr must be a number above 0 and at most 10 (got 0)"},
		{"no churn noise", `{"s_churn":1,"s_noise":0}`, "s_noise must be a number above 0 and at most 10 (got 0)"},
		{"no Langevin steps", `{"corrector_steps":0}`, "corrector_steps must be a whole number from 1 to 255 (got 0)"},
		{"rho of 0", `{"rho":0}`, "rho must be a number from 0.1 to 1000 (got 0)"},
		{"no tolerance", `{"rtol":0}`, "rtol must be a number from 1e-06 to 1 (got 0)"},
		{"lowest level of 0", `{"sigma_min":0}`, "sigma_min must be a number above 0 (got 0)"},
		{"percentile of 0", `{"threshold":"dynamic","percentile":0}`, "percentile must be a number above 0 and at most 1 (got 0)"},
		{"divisor of 0", `{"threshold":"dynamic","threshold_max":0}`, "threshold_max must be a number of at least 1 (got 0)"},
		{"no threshold", `{"threshold":""}`, `threshold must be one of static, dynamic or none (got "")`},
		{"steps of no corrector", `{"corrector":"none","corrector_steps":2}`, "corrector_steps must be left out unless corrector is langevin or annealed-langevin (got 2)"},
		{"switch", `{"brownian":1}`, "brownian must be true or false (got 1)"},
		{"class of objects", `{"class":[{}]}`, `class must be the names or numbers of classes, "none" or "all" (got {})`},
		{"negative class", `{"class":-1}`, `class must be the names or numbers of classes, "none" or "all" (got -1)`},
		{"no class in the list", `{"class":[]}`, "class must be a list of at least one class (got [])"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseRequest([]byte(c.in))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestTags: the settings are the fields of Request, by their names in JSON.
func TestTags(t *testing.T) {
	text, err := minijson.Marshal(Request{N: new(1), First: 1, Sampler: "a", Steps: new(1), Eta: new(1.),
		Options: sampler.Options{Order: 1, BH: 1, SolverType: "a", LowerOrderFinal: true, Gamma: 1, Tau: 1,
			Restarts: sampler.Restarts{RestartCount: 1, RestartSteps: 1, RestartMin: 1, RestartMax: 1}, Churn: sampler.Churn{S: 1, Min: 1, Max: 1, Noise: 1}, Predictor: "a", Corrector: "a",
			CorrectorSteps: 1, SNR: 1, Epsilon: 1, RTol: 1, ATol: 1, Brownian: true},
		Schedule: sampler.Schedule{Kind: "a", SigmaMin: 1, SigmaMax: 1, Rho: 1, Shift: 1}, Size: 1, Class: Classes{"a"}, Guidance: new(1.), Classifier: 1,
		GuidanceMin: 1, GuidanceMax: 1, GuidanceRescale: 1, Threshold: "a", Percentile: 1, ThresholdMax: 1, Resample: new(1), Jump: new(1)})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for name := range minijson.Members(text) {
		fields = append(fields, name)
	}
	described := settings.Names((&Request{}).Values())
	slices.Sort(fields)
	slices.Sort(described)
	if !slices.Equal(fields, described) {
		t.Errorf("fields %q\nsettings %q", fields, described)
	}
}

// TestParseRequest reads each way to write a seed and a class, and writes back
// the same request.
func TestParseRequest(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"nothing", `{}`, `{"seed":0}`},
		{"null is absent", `{"n":null,"seed":null,"class":null,"steps":null}`, `{"seed":0}`},
		{"a number", `{"seed":9007199254740992}`, `{"seed":9007199254740992}`},
		{"a string", `{"seed":"7"}`, `{"seed":7}`},
		{"the largest seed", `{"seed":"18446744073709551615"}`, `{"seed":"18446744073709551615"}`},
		{"one class", `{"class":3}`, `{"seed":0,"class":["3"]}`},
		{"classes", `{"class":[0,"seven","none"]}`, `{"seed":0,"class":["0","seven","none"]}`},
		{"a square", `{"size":32}`, `{"seed":0,"size":"32"}`},
		{"a rectangle", `{"size":"48x32"}`, `{"seed":0,"size":"48x32"}`},
		{"height and width", `{"size":[48,32]}`, `{"seed":0,"size":"48x32"}`},
		{"zero is given", `{"guidance":0,"eta":0}`, `{"seed":0,"eta":0,"guidance":0}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.Marshal(r)
			if err != nil || string(out) != c.out {
				t.Errorf("got %s, %v\nwant %s", out, err, c.out)
			}
		})
	}
}

func TestClassResolve(t *testing.T) {
	names := []string{"b", "a", "0"}
	for _, c := range []struct {
		class Class
		names []string
		null  bool
		want  int
		err   string
	}{
		{"a", names, false, 1, ""},
		{"1", names, false, 1, ""},
		{"0", names, false, 2, ""}, // the name wins
		{"none", names, true, -1, ""},
		{"none", nil, false, -1, ""},
		{"none", names, false, 0, `class must be one of b, a or 0: the model was not trained without a class (got "none")`},
		{"3", names, true, 0, `class must be one of b, a or 0 (got "3")`},
		{"", names, true, 0, `class must be one of b, a or 0 (got "")`},
		{"3", nil, false, 0, `class must be none, or left out: the model has no classes (got "3")`},
		{"x", make([]string, 1000), false, 0, `class must be a class of the model, a number from 0 to 999 or a name from "" to "" (got "x")`},
	} {
		got, err := c.class.resolve(c.names, c.null)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != c.want || text != c.err {
			t.Errorf("%q of %d names: got %d, %q\nwant %d, %q", c.class, len(c.names), got, text, c.want, c.err)
		}
	}
}
