package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tweedie/core/settings"
)

// drawn is the hash of two images of a request in JSON.
func drawn(t *testing.T, e *Engine, request string) string {
	t.Helper()
	r, err := ParseRequest([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	r.N, r.Steps = new(2), new(4)
	return mustSample(t, e, r).SHA256()
}

// What leaves the guidance as it is leaves the bytes; what changes it changes them.
func TestGuidanceSettings(t *testing.T) {
	e := openWide(t)
	plain, none := drawn(t, e, `{"guidance":3}`), drawn(t, e, `{"guidance":1}`)
	for _, c := range []struct {
		request string
		same    string
	}{
		{`{"guidance":3,"guidance_sigma_max":40}`, plain},
		{`{"guidance":3,"guidance_sigma_min":0.001}`, plain},
		{`{"guidance":3,"guidance_sigma_min":40}`, none},
		{`{"guidance":3,"guidance_sigma_max":0.001}`, none},
		{`{"guidance":0,"guidance_rescale":0.7}`, drawn(t, e, `{"guidance":0}`)},
		{`{"guidance":3,"guidance_sigma_min":0.1,"guidance_sigma_max":20}`, ""},
		{`{"guidance":3,"guidance_rescale":0.7}`, ""},
		{`{"guidance":400,"threshold":"dynamic","percentile":0.5}`, ""},
	} {
		got := drawn(t, e, c.request)
		if c.same != "" && got != c.same {
			t.Errorf("%s: other bytes", c.request)
		}
		if c.same == "" && (got == plain || got == none) {
			t.Errorf("%s: the same bytes", c.request)
		}
	}
}

// Denoised images that leave the range of pixels are held to it.
func TestThresholdHolds(t *testing.T) {
	for _, threshold := range []string{"", unlimited, static, dynamic} {
		outside := false
		_, err := newTestEngine(2).Sample(t.Context(), Request{N: new(2), Guidance: new(9.0), Threshold: threshold}, func(f Frame) {
			for _, v := range f.Denoised.Data {
				outside = outside || v < -1 || v > 1
			}
		})
		if err != nil || outside != (threshold == "" || threshold == unlimited) {
			t.Errorf("threshold %q: %v, denoised pixels outside [−1,1]: %v", threshold, err, outside)
		}
	}
}

// A model's own threshold holds where a request says nothing, as if it had said it.
func TestThresholdOfModel(t *testing.T) {
	info := testInfo()
	info.Defaults.Threshold, info.Defaults.Percentile, info.Defaults.ThresholdMax = dynamic, 0.9, 1.5
	for _, tt := range []struct{ given, want Request }{
		{Request{}, Request{Threshold: dynamic, Percentile: 0.9, ThresholdMax: 1.5}},
		{Request{Threshold: dynamic}, Request{Threshold: dynamic}},
		{Request{Threshold: static}, Request{Threshold: static}},
		{Request{Threshold: unlimited}, Request{Threshold: unlimited}},
	} {
		p, err := info.Check(tt.given, false)
		if err != nil || p.Threshold != tt.want.Threshold || p.Percentile != tt.want.Percentile || p.ThresholdMax != tt.want.ThresholdMax {
			t.Errorf("%+v: got %+v, %v", tt.given, p.Request, err)
		}
	}
	for _, change := range []func(d *Defaults){
		func(d *Defaults) { d.Threshold = "soft" }, func(d *Defaults) { d.ThresholdMax = 0.5 }, func(d *Defaults) { d.Percentile = -1 }, func(d *Defaults) { d.Threshold = static },
	} {
		wrong := info
		change(&wrong.Defaults)
		if _, err := wrong.Check(Request{}, false); !isFieldError(err) {
			t.Errorf("%+v: got error %v", wrong.Defaults, err)
		}
	}
}

// isFieldError reports whether err names a setting.
func isFieldError(err error) bool {
	_, ok := errors.AsType[*settings.FieldError](err)
	return ok
}

// newTestEngine returns an engine of the gaussian whose means are spread by a factor.
func newTestEngine(spread float32) *Engine {
	g := newGaussian()
	for i := range g.mean {
		g.mean[i] *= spread
	}
	return New(testInfo(), g, Options{})
}

// For Gaussians that differ in their means, the denoiser with autoguidance is that of the
// mean worse + w·(better − worse). Autoguidance by the model itself changes nothing.
func TestAutoguidance(t *testing.T) {
	better, worse, beyond := newTestEngine(1), newTestEngine(0.5), newTestEngine(1.25)
	if err := better.SetAutoguidance(worse); err != nil {
		t.Fatal(err)
	}
	r := Request{N: new(6), Seed: 3, Guidance: new(1.0)}
	want := mustSample(t, beyond, r)
	r.Guidance = new(1.5)
	got := mustSample(t, better, r)
	for i, v := range got.Pixels {
		if off := int(v) - int(want.Pixels[i]); off < -1 || off > 1 { // a rounding of the pixel
			t.Fatalf("byte %d is %d, want %d", i, v, want.Pixels[i])
		}
	}
	e := openWide(t)
	none := drawn(t, e, `{"guidance":1}`)
	if err := e.SetAutoguidance(openWide(t)); err != nil {
		t.Fatal(err)
	}
	if drawn(t, e, `{"guidance":4}`) != none {
		t.Error("autoguidance by the model itself changes its images")
	}
	for _, change := range []func(*Info){
		func(i *Info) { i.Shape[1]++ },
		func(i *Info) { i.Classes = i.Classes[:1] },
		func(i *Info) { i.Sigma.Max = 30 },
	} {
		other := newTestEngine(1)
		change(&other.info)
		if err := newTestEngine(1).SetAutoguidance(other); err == nil || !strings.HasPrefix(err.Error(), "engine: autoguidance: ") {
			t.Errorf("got %v", err)
		}
	}
	alone := newTestEngine(1)
	alone.info.Classes, alone.info.Unconditional = nil, false
	other := newTestEngine(1)
	other.info.Classes, other.info.Unconditional = nil, false
	if _, err := alone.Check(Request{Guidance: new(2.0)}, false); err == nil {
		t.Error("guidance without classes and without autoguidance was accepted")
	}
	if err := alone.SetAutoguidance(other); err != nil {
		t.Error(err)
	}
	if _, err := alone.Check(Request{Guidance: new(2.0)}, false); err != nil {
		t.Error(err)
	}
}

// What is counted beforehand is what a run evaluates: one network outside the interval
// of guidance, and at weights 0 and 1. A step of several evaluations may end outside
// the interval in which it began.
func TestPasses(t *testing.T) {
	for _, c := range []struct {
		in  string
		off int
	}{
		{`{"guidance":1}`, 0},
		{`{"guidance":0}`, 0},
		{`{"guidance":3}`, 0},
		{`{"guidance":3,"guidance_sigma_min":0.5,"guidance_sigma_max":10}`, 0},
		{`{"guidance":3,"guidance_sigma_max":0.001}`, 0},
		{`{"guidance":2,"guidance_sigma_min":0.3,"sampler":"ddim","schedule":"linear"}`, 0},
		{`{"guidance":2,"guidance_sigma_min":5,"sampler":"heun"}`, 1},
		{`{"guidance":2,"guidance_sigma_min":5,"sampler":"annealed-langevin","corrector_steps":3}`, 3},
	} {
		r, err := ParseRequest([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		e := newTestEngine(1)
		e.info.FLOPs = 1000
		plan, err := e.Check(r, false)
		if err != nil {
			t.Fatal(err)
		}
		evaluated, work := 0, 0.0
		_, err = e.Sample(t.Context(), r, func(f Frame) {
			evaluated += plan.guide().Passes(f.Sigma)
			work += e.Info().WorkAt(plan, f.Sigma)
		})
		if off := max(evaluated-plan.Passes, plan.Passes-evaluated); err != nil || off > c.off ||
			work != 1000*float64(evaluated) || e.Info().Work(plan) != 1000*float64(plan.Passes) {
			t.Errorf("%s: %d passes and work %g, planned %d and %g, %v", c.in, evaluated, work, plan.Passes, e.Info().Work(plan), err)
		}
	}
}

func TestGuidanceErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"guidance":1,"guidance_rescale":0.5}`, "guidance_rescale must be left out where guidance is 1 and no classifier guides (got 0.5)"},
		{`{"guidance_rescale":2}`, "guidance_rescale must be a number from 0 to 1 (got 2)"},
		{`{"guidance_sigma_min":5,"guidance_sigma_max":2}`, "guidance_sigma_max must be above guidance_sigma_min, 5 (got 2)"},
		{`{"threshold":"hard"}`, `threshold must be one of static, dynamic or none (got "hard")`},
		{`{"percentile":0.9}`, "percentile must be left out unless threshold is dynamic (got 0.9)"},
		{`{"threshold":"dynamic","percentile":95}`, "percentile must be a number above 0 and at most 1 (got 95)"},
	} {
		r, err := ParseRequest([]byte(c.in))
		if err == nil {
			_, err = newTestEngine(1).Check(r, false)
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.in, err, c.want)
		}
	}
}

// TestGoldenGuided holds guided images to testdata/guided.txt, natively, with vectors and
// without, and in wasm.
func TestGoldenGuided(t *testing.T) {
	const path = "testdata/guided.txt"
	e := openWide(t)
	got := ""
	for _, request := range []string{
		`{"guidance":3,"guidance_sigma_min":0.1,"guidance_sigma_max":20,"guidance_rescale":0.7}`,
		`{"guidance":400,"threshold":"static"}`,
		`{"guidance":400,"threshold":"dynamic","percentile":0.9}`,
	} {
		got += fmt.Sprintf("%s %s\n", request, drawn(t, e, request))
	}
	golden(t, path, got)
}
