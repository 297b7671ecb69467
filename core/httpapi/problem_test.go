//go:build !js

package httpapi_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		path      string
		status    int
		parameter string
		detail    string
	}{
		{"/api/nothing", 404, "", `there is nothing at "/api/nothing"`},
		{"/s/", 404, "", `there is nothing at "/s/"`},
		{"/api/models/none", 404, "model", `model must be one of mnist or other (got "none")`},
		{"/api/sample.png?model=../x", 404, "model", "model must be one of"},
		{"/api/sample.png?modle=mnist", 400, "modle", "modle must be left out: there is no such setting; the settings are model, scale, v, n, seed"},
		{"/api/sample.png?seed=1&seed=2", 400, "seed", `seed must be given once (got "2")`},
		{"/api/sample.png?seed=-1", 400, "seed", `seed must be a whole number from 0 to 18446744073709551615 (got "-1")`},
		{"/api/sample.png?seed=18446744073709551616", 400, "seed", "seed must be a whole number"},
		{"/api/sample.png?steps=0", 400, "steps", "steps must be a whole number from 1 to 10000 (got 0)"},
		{"/api/sample.png?steps=many", 400, "steps", `steps must be a whole number from 1 to 10000 (got "many")`},
		{"/api/sample.png?sampler=magic", 400, "sampler", "magic"},
		{"/api/sample.png?sampler=", 400, "sampler", `(got "")`},
		{"/api/sample.png?eta=0.5", 400, "eta", "eta must be 0 with sampler dpmpp2m: only ddim takes it (got 0.5)"},
		{"/api/sample.png?eta=2&sampler=ddim", 400, "eta", "eta must be a number from 0 to 1 (got 2)"},
		{"/api/sample.png?guidance=NaN", 400, "guidance", "guidance must be a number of at least 0 (got NaN)"},
		{"/api/sample.png?guidance=-1", 400, "guidance", "guidance must be a number of at least 0 (got -1)"},
		{"/api/sample.png?class=10", 400, "class", `class must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8 or 9 (got "10")`},
		{"/api/sample.png?class=", 400, "class", `(got "")`},
		{"/api/sample.png?n=0", 400, "n", "n must be a whole number from 1 to 16 (got 0)"},
		{"/api/sample.png?n=17", 400, "n", "n must be a whole number from 1 to 16 (got 17)"},
		{"/api/sample.png?n=1e3", 400, "n", "n must be a whole number from 1 to 16 (got 1e3)"},
		{"/api/sample.png?scale=0", 400, "scale", "scale must be a whole number from 1 to 32 (got 0)"},
		{"/api/sample.png?n=16&scale=33", 400, "scale", "from 1 to 32"},
		{"/api/sample.png?v=0", 404, "v", "another version of the model"},
		{"/api/sample.png?%zz", 400, "%zz", `%zz must be escaped as in a URL: "%" stands before two hexadecimal digits`},
		{"/api/sample.png?seed=%4", 400, "seed", `seed must be escaped as in a URL: "%" stands before two hexadecimal digits (got "%4")`},
		{"/api/sample.png?seed=1;n=2", 400, "seed", `seed must be separated from the next parameter by "&"`},
		{"/api/sample.png?n=1&seed=" + strings.Repeat("1", 3000), 414, "seed", "seed must be shorter: the whole query may have 2048 bytes (got 3009)"},
		{"/api/sample.png?class=1" + strings.Repeat(",1", 1100), 414, "class", "class must be shorter"},
		{"/api/stream?class=10", 400, "class", "class must be one of"},
		{"/api/stream?n=16&steps=1000", 422, "", "TWEEDIE_MAX_GFLOP is 100"},
		{"/s/class=10", 400, "class", "class must be one of"},
		{"/s/colour=red", 400, "colour", "the settings are model, mode, variations"},
	} {
		h := newFake(t)
		w := h.get(c.path)
		p := h.problemOf(w)
		if p.Status != c.status || p.Parameter != c.parameter || !strings.Contains(p.Detail, c.detail) || h.runs > 0 {
			t.Errorf("%s: got %+v, want %d, %q, %q; %d runs", c.path, p, c.status, c.parameter, c.detail, h.runs)
		}
	}
}

func TestMethodsAndBodies(t *testing.T) {
	h := newFake(t)
	w := h.ask(httptest.NewRequest("POST", "/api/models", nil))
	if p := h.problemOf(w); p.Status != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %+v, %v", p, w.Header())
	}
	if p := h.problemOf(h.ask(httptest.NewRequest("GET", "/api/models", strings.NewReader("x")))); p.Status != 413 {
		t.Errorf("a body: %+v", p)
	}
	if w := h.ask(httptest.NewRequest("HEAD", "/api/models", nil)); w.Code != 200 {
		t.Errorf("HEAD: status %d", w.Code)
	}
}

// FuzzQuery asks for a picture, and for a page, with any text: what can be used is
// refused for its work alone, everything else by a problem in words.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"class=3&n=4&seed=7", "class=none,3&guidance=0.5&eta=0&sampler=ddim", "seed=%31&steps=+1", "scale=2&v=x", "a=b;c", "n=1&n=2", "model=mnist&mode=inpaint"} {
		f.Add(seed)
	}
	h := newFake(f)
	h.gflop = 0
	f.Fuzz(func(t *testing.T, query string) {
		h.t = t
		r := httptest.NewRequest("GET", "/api/sample.png", nil)
		r.URL.RawQuery = query
		w := h.ask(r)
		if p := h.problemOf(w); p.Status/100 != 4 || p.Detail == "" {
			t.Errorf("%q: %+v", query, p)
		}
		r = httptest.NewRequest("GET", "/s/x", nil)
		r.URL.Path, r.URL.RawPath = "/s/"+query, "/s/"+url.PathEscape(query)
		if w := h.ask(r); w.Code != 200 && w.Code/100 != 3 && h.problemOf(w).Status/100 != 4 {
			t.Errorf("/s/%q: status %d", query, w.Code)
		}
	})
}
