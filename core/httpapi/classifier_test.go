//go:build !js

package httpapi_test

import (
	"bytes"
	"html"
	"image"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"tweedie/core/engine"
)

var preview = regexp.MustCompile(`og:image" content="https?://[^/]*([^"]*)"`)

// TestGuided: a picture that a classifier guides is drawn as the engine draws it, counts its
// gradients as work, and is the preview of the experiment that is shared.
func TestGuided(t *testing.T) {
	h := newFake(t)
	const experiment = "class=3&guidance=0&classifier_guidance=4&n=1&steps=3&seed=5"
	page := h.get("/s/" + experiment)
	found := preview.FindStringSubmatch(page.Body.String())
	if page.Code != 200 || found == nil {
		t.Fatalf("status %d, no preview in %.600s", page.Code, page.Body)
	}
	if text := page.Body.String(); !strings.Contains(text, "class 3, 3 steps of dpmpp2m, guidance 0, seed 5, classifier 4") || !strings.Contains(text, "classifier_guidance=4") {
		t.Error("the preview does not tell of the classifier, or the page is not opened with it")
	}
	w := h.get(html.UnescapeString(found[1]))
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("the preview: status %d, %s", w.Code, w.Body)
	}
	e, err := guided()
	if err != nil {
		t.Fatal(err)
	}
	r, err := engine.ParseRequest([]byte(`{"class": "3", "guidance": 0, "classifier_guidance": 4, "steps": 3, "seed": 5}`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Sample(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := h.get("/api/sample.png?scale=1&" + experiment)
	picture, err := png.Decode(bytes.NewReader(one.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if gray, ok := picture.(*image.Gray); !ok || !bytes.Equal(gray.Pix, want.Pixels) {
		t.Error("the picture is not what the engine draws")
	}
	plain := h.get("/api/sample.png?scale=1&" + strings.Replace(experiment, "&classifier_guidance=4", "", 1))
	if plain.Code != 200 || plain.Body.String() == one.Body.String() {
		t.Errorf("without the classifier: status %d, or the same picture", plain.Code)
	}
	if a, b := one.Header().Get("Content-Location"), plain.Header().Get("Content-Location"); !strings.Contains(a, "classifier_guidance=4") || strings.Contains(b, "classifier") || a[strings.Index(a, "&v="):] == b[strings.Index(b, "&v="):] {
		t.Errorf("kept as %s and as %s: need the weight in one, and other versions", a, b)
	}

	h.gflop = 1
	bare, more := h.problemOf(h.get("/api/sample.png?n=16&seed=9&steps=20&guidance=0")), h.problemOf(h.get("/api/sample.png?n=16&seed=9&steps=20&guidance=0&classifier_guidance=1"))
	if bare.Limit == nil || more.Limit == nil || !(more.Limit.Found > 1.05*bare.Limit.Found) {
		t.Errorf("gradients count as no work: %+v, %+v", bare.Limit, more.Limit)
	}
}

// TestGuidedRefuses: a classifier that the site has not for the model, or that has no class to
// lead to, is a problem of its parameter.
func TestGuidedRefuses(t *testing.T) {
	h := newFake(t)
	for query, want := range map[string]struct {
		parameter string
		status    int
	}{
		"classifier_guidance=-1":             {"classifier_guidance", 400},
		"classifier_guidance=x":              {"classifier_guidance", 400},
		"model=other&classifier_guidance=2":  {"classifier_guidance", 400},
		"model=nobody&classifier_guidance=2": {"model", 404},
		"classifier_guidance=2&class=none":   {"class", 400},
	} {
		if p := h.problemOf(h.get("/api/sample.png?" + query)); p.Status != want.status || p.Parameter != want.parameter {
			t.Errorf("%s: %+v, want %+v", query, p, want)
		}
	}
	if w := h.get("/api/sample.png?steps=1&classifier_guidance=0&model=other"); w.Code != 200 || strings.Contains(w.Header().Get("Content-Location"), "classifier") {
		t.Errorf("a weight of 0: status %d, kept as %s", w.Code, w.Header().Get("Content-Location"))
	}
	delete(h.files, "models/judge.json")
	if p := h.problemOf(h.get("/api/sample.png?classifier_guidance=2")); p.Status != 500 || !strings.Contains(p.Detail, `classifier "judge"`) {
		t.Errorf("without the classifier's file: %+v", p)
	}
}
