package engine

import (
	"encoding/json"
	"testing"
)

// TestParseRequestErrors holds the words a person reads for every bad field.
func TestParseRequestErrors(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"not JSON", `{`, "engine: request: json: byte 1: found the end, need a name"},
		{"not an object", `[]`, "engine: request: found an array, need an object"},
		{"trailing", `{} {}`, "engine: request: json: byte 3: found '{', need nothing after the value"},
		{"unknown field", `{"stepz":3}`, "engine: stepz: found an unknown name, need one of n, first, seed, sampler, steps, eta, order, bh, s_churn, s_tmin, s_tmax, s_noise, predictor, corrector, corrector_steps, snr, epsilon, rtol, atol, brownian, schedule, sigma_min, sigma_max, rho, class, guidance, classifier_guidance, guidance_sigma_min, guidance_sigma_max, guidance_rescale, threshold, percentile, threshold_max, resample, jump"},
		{"no images", `{"n":0}`, "engine: n: found 0, need a whole number in [1, 1048576]"},
		{"half an image", `{"n":1.5}`, "engine: n: found number 1.5, need a whole number"},
		{"a word of images", `{"n":"many"}`, `engine: n: found string "many", need a whole number`},
		{"no steps", `{"steps":0}`, "engine: steps: found 0, need a whole number in [1, 10000]"},
		{"negative steps", `{"steps":-3}`, "engine: steps: found -3, need a whole number in [1, 10000]"},
		{"negative first", `{"first":-1}`, "engine: first: found number -1, need a whole number in [0, 2^64)"},
		{"last first", `{"first":18446744073709551615}`, "engine: first: found 18446744073709551615, need at most 2⁶⁴ − 2²⁰"},
		{"negative seed", `{"seed":-1}`, "engine: seed: found -1, need a whole number in [0, 2⁶⁴)"},
		{"seed of text", `{"seed":"abc"}`, `engine: seed: found "abc", need a whole number in [0, 2⁶⁴)`},
		{"seed too large", `{"seed":"18446744073709551616"}`, `engine: seed: found "18446744073709551616", need a whole number in [0, 2⁶⁴)`},
		{"inexact seed", `{"seed":9007199254740993}`, "engine: seed: found the number 9007199254740993, need at most 2⁵³; write larger seeds as a string"},
		{"negative guidance", `{"guidance":-0.5}`, "engine: guidance: found -0.5, need a number, finite, at least 0"},
		{"guidance beyond float32", `{"guidance":1e39}`, "engine: guidance: found 1e+39, need a number, finite, at least 0"},
		{"infinite guidance", `{"guidance":1e999}`, "engine: guidance: found number 1e999, need a number"},
		{"guidance NaN", `{"guidance":NaN}`, "engine: request: json: byte 12: found 'N', need a value"},
		{"eta of 2", `{"eta":2}`, "engine: eta: found 2, need a number, in [0, 1]"},
		{"schedule", `{"schedule":"steep"}`, `engine: schedule: sampler: invalid noise schedule: kind must be one of ["karras" "linear" "quadratic" "exponential" "log-snr" "cosine" "flow" "optimised" "leading" "trailing" "linspace"] (got "steep")`},
		{"resample", `{"resample":0}`, "engine: resample: found 0, need a whole number in [1, 100]"},
		{"jump", `{"jump":0}`, "engine: jump: found 0, need a whole number in [1, 10000]"},
		{"class of objects", `{"class":[{}]}`, `engine: class: found {}, need a name, a whole number from 0, or "none"`},
		{"negative class", `{"class":-1}`, `engine: class: found -1, need a name, a whole number from 0, or "none"`},
		{"no class in the list", `{"class":[]}`, "engine: class: found an empty list, need at least one class"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseRequest([]byte(c.in))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
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
		{"none", names, false, 0, `engine: class: found "none", need one of ["b" "a" "0"]: the model was not trained without a class`},
		{"3", names, true, 0, `engine: class: found "3", need one of ["b" "a" "0"]`},
		{"", names, true, 0, `engine: class: found "", need one of ["b" "a" "0"]`},
		{"3", nil, false, 0, `engine: class: found "3", need none: the model has no classes`},
		{"x", make([]string, 1000), false, 0, `engine: class: found "x", need one of "" … "", or 0 to 999`},
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
