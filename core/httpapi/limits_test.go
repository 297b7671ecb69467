//go:build !js

package httpapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/httpapi"
)

// TestWorkIsBounded: what is too much is refused before it begins, or, of an adaptive
// sampler, ended when it shows.
func TestWorkIsBounded(t *testing.T) {
	h := newFake(t)
	p := h.problemOf(h.get("/api/sample.png?n=16&steps=100"))
	if p.Status != 422 || p.Limit == nil || p.Limit.Name != "TWEEDIE_MAX_GFLOP" || p.Limit.Most != 100 || p.Limit.Found < 700 || h.runs != 0 {
		t.Errorf("got %+v, limit %+v, %d runs", p, p.Limit, h.runs)
	}
	e, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	n, steps, guidance := 8, 2, 3.0
	plan, err := e.Info().Check(engine.Request{N: &n, Steps: &steps, Guidance: &guidance, Sampler: "rk45"}, false)
	if err != nil {
		t.Fatal(err)
	}
	h.gflop = 1 + int64(float64(n)*e.Info().Work(plan)/1e9) // the least that it takes
	evaluations := 0
	h.yield = func() { evaluations++ }
	p = h.problemOf(h.get("/api/sample.png?n=8&steps=2&sampler=rk45&guidance=3"))
	if p.Status != 422 || p.Limit == nil || evaluations == 0 || len(h.kept) != 0 {
		t.Errorf("adaptive: got %+v after %d evaluations, %d kept", p, evaluations, len(h.kept))
	}
}

// TestClientGoes ends a run after its first evaluation.
func TestClientGoes(t *testing.T) {
	for _, path := range []string{"/api/sample.png?steps=50", "/api/stream?steps=50"} {
		h := newFake(t)
		ctx, cancel := context.WithCancel(t.Context())
		evaluations := 0
		h.yield = func() { evaluations++; cancel() }
		w := h.ask(httptest.NewRequest("GET", path, nil).WithContext(ctx))
		if evaluations != 1 || len(h.kept) != 0 || strings.Contains(w.Body.String(), "error") {
			t.Errorf("%s: %d evaluations, want 1; kept %d pictures; said %s", path, evaluations, len(h.kept), w.Body)
		}
	}
}

func TestBusyAndSlow(t *testing.T) {
	h := newFake(t)
	h.err = httpapi.ErrBusy
	w := h.get("/api/sample.png")
	if p := h.problemOf(w); p.Status != 503 || w.Header().Get("Retry-After") != "10" {
		t.Errorf("busy: %+v, %v", p, w.Header())
	}
	h.err = nil
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if p := h.problemOf(h.ask(httptest.NewRequest("GET", "/api/sample.png", nil).WithContext(ctx))); p.Status != 503 {
		t.Errorf("slow: %+v", p)
	}
}
