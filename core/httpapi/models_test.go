//go:build !js

package httpapi_test

import (
	"strings"
	"testing"

	"tweedie/core/minijson"
)

func TestCatalogue(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/models")
	for _, want := range []string{`"name":"mnist"`, `"about":"/api/models/other"`, `"card":"/models/mnist.md"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %s, want %s in it", w.Body, want)
		}
	}
	tag := w.Header().Get("ETag")
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-cache" || len(tag) < 10 {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	for _, same := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if w := h.get("/api/models", "If-None-Match", same); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: status %d, %d bytes, want 304 and none", same, w.Code, w.Body.Len())
		}
	}
	if w := h.get("/api/models", "If-None-Match", `"other"`); w.Code != 200 {
		t.Errorf("another tag: status %d, want 200", w.Code)
	}
	h.files["models/index.json"] = []byte(`{"models":[]}`)
	if w := h.get("/api/models"); w.Code != 500 {
		t.Errorf("an empty catalogue: status %d, want 500", w.Code)
	}
}

func TestModel(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/models/mnist")
	var got struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Card    string `json:"card"`
		Info    struct {
			Classes []string `json:"classes"`
		} `json:"info"`
		Limits struct {
			Images int `json:"images"`
			GFLOP  int `json:"gflop"`
		} `json:"limits"`
	}
	if err := minijson.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || got.Name != "mnist" || len(got.Version) != 12 || !strings.HasPrefix(got.Card, "#") ||
		len(got.Info.Classes) != 10 || got.Limits.Images != 16 || got.Limits.GFLOP != 100 {
		t.Errorf("status %d, %+v", w.Code, got)
	}
	before := got.Version
	h.files["models/mnist.json"] = append(h.files["models/mnist.json"], '\n')
	if after := h.get("/api/models/mnist"); strings.Contains(after.Body.String(), before) {
		t.Errorf("another manifest has the version %s too", before)
	}
	delete(h.files, "models/mnist.md")
	if w := h.get("/api/models/mnist"); w.Code != 200 {
		t.Errorf("without a card: status %d, want 200", w.Code)
	}
}
