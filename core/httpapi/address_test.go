//go:build !js

package httpapi_test

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"tweedie/core/httpapi"
	"tweedie/core/settings"
)

// place returns the canonical address of a picture.
func (h *fake) place(query string) string {
	h.t.Helper()
	w := h.get("/api/sample.png?" + query)
	if w.Code != 200 {
		h.t.Fatalf("%s: %+v", query, h.problemOf(w))
	}
	return w.Header().Get("Content-Location")
}

// TestOneAddress: equal requests have one canonical address, under which their picture is
// kept; it is its own, and other requests have others.
func TestOneAddress(t *testing.T) {
	h := newFake(t)
	for plain, equal := range map[string][]string{
		"steps=1": {
			"seed=0&steps=1", "steps=01&seed=00&n=1&scale=1&model=mnist&guidance=1.30&sampler=dpmpp2m", "steps=1&eta=0", "steps=1&classifier_guidance=0",
			"steps=1&guidance_rescale=0", "steps=1&guidance_sigma_min=0", "steps=1&threshold=none", "steps=1&schedule=karras", "steps=1&schedule=karras&rho=7",
			"steps=1&rho=7.0", "steps=1&sigma_max=40", "steps=1&sigma_min=0.010&sigma_max=40&rho=7", "steps=1&size=28", "steps=1&size=28x28", "steps=1&brownian=false",
			"&&steps=1&", "st%65ps=1", "steps=1&class=all", "steps=1&class=0", "steps=1&class=00,1",
		},
		"steps=1&class=3":                 {"steps=1&class=03", "steps=1&class=3,3", "steps=1&class=3,4", "steps=1&class=%203"},
		"steps=1&n=2":                     {"steps=1&n=2&class=all", "steps=1&n=2&class=0,1", "steps=1&n=2&class=0,1,2,3,4,5,6,7,8,9"},
		"steps=1&n=3&class=3,4":           {"steps=1&n=3&class=3,4,3", "steps=1&n=3&class=3,4,3,4"},
		"steps=1&n=4&class=3,4,3":         {"steps=1&n=4&class=3,4,3,3"},
		"steps=1&guidance=1.5":            {"steps=1&guidance=1.50", "steps=1&guidance=15e-1"},
		"steps=1&sampler=heun":            {"steps=1&sampler=heun&s_churn=0"},
		"steps=1&sampler=heun&s_churn=1":  {"steps=1&sampler=heun&s_churn=1&s_noise=1&s_tmin=0"},
		"steps=1&sampler=unipc":           {"steps=1&sampler=unipc&bh=2"},
		"steps=1&sampler=pc":              {"steps=1&sampler=pc&predictor=reverse-diffusion&corrector=langevin&snr=0.16"},
		"steps=1&threshold=dynamic":       {"steps=1&threshold=dynamic&percentile=0.995"},
		"steps=3&rho=5":                   {"steps=3&rho=5&schedule=karras"},
		"steps=2&rho=6":                   {"steps=2&schedule=linear", "steps=2"}, // the same two noise levels
		"steps=1&classifier_guidance=0.5": {"steps=1&classifier_guidance=5e-1"},
	} {
		want := h.place(plain)
		before := h.runs
		for _, query := range append(equal, strings.TrimPrefix(want, "/api/sample.png?")) {
			if got := h.place(query); got != want {
				t.Errorf("%s is at\n%s\nand %s at\n%s", plain, want, query, got)
			}
		}
		if h.runs != before {
			t.Errorf("%s: drawn %d times, want once", plain, 1+h.runs-before)
		}
	}
	seen := map[string]string{}
	for _, query := range []string{
		"steps=3", "steps=2", "steps=2&class=1", "steps=2&class=none", "steps=2&n=2", "steps=2&n=2&class=1,0", "steps=2&seed=1", "steps=2&scale=2", "steps=2&guidance=1", "steps=3&schedule=linear",
		"steps=3&rho=6", "steps=2&sigma_max=39", "steps=2&sampler=heun", "steps=2&sampler=heun&s_churn=1", "steps=2&sampler=heun&s_churn=1&s_noise=1.01", "steps=2&threshold=static",
		"steps=2&threshold=dynamic", "steps=2&threshold=dynamic&percentile=0.99", "steps=2&size=32", "steps=2&model=other", "steps=2&classifier_guidance=1",
	} {
		place := h.place(query)
		if other, ok := seen[place]; ok {
			t.Errorf("%s and %s are both at %s", query, other, place)
		}
		seen[place] = query
	}
}

// TestOrderOfParameters: the order of parameters does not matter.
func TestOrderOfParameters(t *testing.T) {
	h := newFake(t)
	pairs := []string{"n=2", "seed=18446744073709551615", "class=3,none", "sampler=heun", "steps=1", "s_churn=2", "rho=5", "guidance_sigma_max=9", "scale=3"}
	want := h.place(strings.Join(pairs, "&"))
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		if got := h.place(strings.Join(pairs, "&")); got != want {
			t.Fatalf("%v: got %s, want %s", pairs, got, want)
		}
	}
	if h.runs != 1 {
		t.Errorf("drawn %d times, want once", h.runs)
	}
}

// TestZeroIsHonouredOrRefused sets every number of the query to 0, with a sampler that takes
// it: the picture's address has it, unless it is the default, or the problem names it.
func TestZeroIsHonouredOrRefused(t *testing.T) {
	h := newFake(t)
	with := map[string]string{
		"eta": "sampler=ddim", "order": "sampler=unipc", "bh": "sampler=unipc", "corrector_steps": "sampler=pc", "snr": "sampler=pc", "epsilon": "sampler=annealed-langevin",
		"rtol": "sampler=rk45", "atol": "sampler=rk45", "brownian": "sampler=euler-ancestral", "percentile": "threshold=dynamic", "threshold_max": "threshold=dynamic",
		"s_churn": "sampler=heun", "s_tmin": "sampler=heun&s_churn=1", "s_tmax": "sampler=heun&s_churn=1", "s_noise": "sampler=heun&s_churn=1",
	}
	for _, s := range httpapi.Parameters() {
		if s.Kind != settings.Whole && s.Kind != settings.Real && s.Kind != settings.Seed && s.Kind != settings.Switch {
			continue
		}
		for _, zero := range []string{"0", "-0", "0.0", "00"} {
			query := url.Values{s.Name: {zero}}.Encode()
			if s.Name != "steps" {
				query += "&steps=1"
			}
			if more := with[s.Name]; more != "" {
				query += "&" + more
			}
			w := h.get("/api/sample.png?" + query)
			if w.Code != 200 {
				if p := h.problemOf(w); p.Status != 400 || p.Parameter != s.Name {
					t.Errorf("%s: got %+v, want a problem of %s", query, p, s.Name)
				}
				continue
			}
			place, err := url.Parse(w.Header().Get("Content-Location"))
			if err != nil {
				t.Fatal(err)
			}
			if got := place.Query().Get(s.Name); got != "0" && !(got == "" && (s.Default == "0" || s.Name == "eta")) {
				t.Errorf("%s: drawn with %q, at %s; its default is %q", query, got, place, s.Default)
			}
		}
	}
}
