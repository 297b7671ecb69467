//go:build !js

package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"tweedie/core/httpapi"
	"tweedie/core/minijson"
	"tweedie/core/modeltest"
)

// wall is a gallery in memory.
type wall struct {
	entries map[string]httpapi.Shared
	err     error
}

func newWall() *wall { return &wall{entries: map[string]httpapi.Shared{}} }

func (g *wall) Entries(context.Context) ([]httpapi.Shared, error) {
	list := []httpapi.Shared{}
	for _, e := range g.entries {
		list = append(list, e)
	}
	return list, g.err
}

func (g *wall) Put(_ context.Context, e httpapi.Shared) error {
	g.entries[e.Experiment] = e
	return g.err
}

func (g *wall) Drop(_ context.Context, e httpapi.Shared) error {
	delete(g.entries, e.Experiment)
	return g.err
}

// galleryEntry is an entry of the list, as far as tests look at it.
type galleryEntry struct {
	Experiment string `json:"experiment"`
	Page       string `json:"page"`
	Picture    string `json:"picture"`
	Date       string `json:"date"`
}

// share posts an experiment.
func (h *fake) share(experiment string) *httptest.ResponseRecorder {
	return h.post(fmt.Sprintf(`{"experiment":%q}`, experiment))
}

func (h *fake) post(body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/api/gallery", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return h.ask(r, header...)
}

func (h *fake) listed() []galleryEntry {
	h.t.Helper()
	w := h.get("/api/gallery")
	var list struct {
		Experiments []galleryEntry `json:"experiments"`
	}
	if err := minijson.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 || w.Header().Get("ETag") == "" {
		h.t.Fatalf("status %d, %v: %.300q", w.Code, err, w.Body)
	}
	return list.Experiments
}

// TestGallery: an experiment is one entry however it is written, and what the entry
// says is there.
func TestGallery(t *testing.T) {
	h := newFake(t)
	h.gallery = newWall()
	if got := h.listed(); len(got) != 0 {
		t.Errorf("empty: %+v", got)
	}
	first := h.share("class=3&n=4&seed=7&steps=1")
	var entry galleryEntry
	if err := minijson.Unmarshal(first.Body.Bytes(), &entry); err != nil || first.Code != 201 || entry.Date == "" || first.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, %v: %s", first.Code, err, first.Body)
	}
	if again := h.share("seed=7&model=mnist&keep=1&mode=generate&n=4&steps=1&class=%33"); again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("the same in other words: status %d, %s, want 200 and %s", again.Code, again.Body, first.Body)
	}
	h.share("class=5")
	got := h.listed()
	if len(got) != 2 || got[0].Date < got[1].Date || got[1] != entry && got[0] != entry {
		t.Fatalf("got %+v, want two, the newest first, %+v among them", got, entry)
	}
	if entry.Page != "/s/"+entry.Experiment || !strings.Contains(h.get(entry.Page).Body.String(), strings.ReplaceAll(entry.Picture, "&", "&amp;")) {
		t.Errorf("the preview of %s is not %s", entry.Page, entry.Picture)
	}
	if w := h.get(entry.Picture); w.Code != 200 || w.Header().Get("Content-Location") != entry.Picture {
		t.Errorf("%s: status %d, %v", entry.Picture, w.Code, w.Header())
	}
}

// TestGalleryRefuses: what is no experiment that the service draws leaves nothing.
func TestGalleryRefuses(t *testing.T) {
	h := newFake(t)
	g := newWall()
	h.gallery = g
	for _, c := range []struct {
		body, parameter string
		status          int
	}{
		{`{"experiment":"class=ten"}`, "class", 400},
		{`{"experiment":"model=none"}`, "model", 404},
		{`{"experiment":"size=3"}`, "size", 400},
		{`{"experiment":"n=17"}`, "n", 400},
		{`{"experiment":"mode=inpaint"}`, "mode", 400},
		{`{"experiment":"model=other&classifier_guidance=2"}`, "classifier_guidance", 400},
		{`{"experiment":"n=16&steps=500"}`, "", 422},
		{`{"experiment":3}`, "experiment", 400},
		{`{"experiment":"seed=1","more":1}`, "experiment", 400},
		{``, "experiment", 400},
		{`{"experiment":"` + strings.Repeat("x", 2048) + `"}`, "experiment", 413},
	} {
		if p := h.problemOf(h.post(c.body)); p.Status != c.status || p.Parameter != c.parameter {
			t.Errorf("%.60s: got %+v, want %d, %q", c.body, p, c.status, c.parameter)
		}
	}
	if p := h.problemOf(h.post(`{"experiment":"seed=1"}`, "Content-Type", "text/plain")); p.Status != 415 {
		t.Errorf("a form's type: %+v", p)
	}
	w := h.ask(httptest.NewRequest("PUT", "/api/gallery", nil))
	if p := h.problemOf(w); p.Status != 405 || w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("PUT: %+v, %v", p, w.Header())
	}
	if len(g.entries) != 0 || h.runs != 0 {
		t.Errorf("%d entries and %d runs, want none", len(g.entries), h.runs)
	}
	g.err = errors.New("the shelf is broken")
	if p := h.problemOf(h.share("seed=1")); p.Status != 500 || !strings.Contains(p.Detail, "shelf") {
		t.Errorf("a broken gallery: %+v", p)
	}
}

// TestGalleryRefusesLongNames: an entry has to fit the metadata of a key of KV.
func TestGalleryRefusesLongNames(t *testing.T) {
	h := newFake(t)
	h.gallery = newWall()
	name := strings.Repeat("long", 25)
	manifest := bytes.Replace(h.files["models/mnist.json"], []byte("\"classes\": [\n      \"0\",\n      \"1\""), []byte(`"classes": ["`+name+`", "`+name+`1"`), 1)
	h.files["models/mnist.json"] = modeltest.Summed(manifest)
	if w := h.share("steps=1&n=3&class=0,1,1"); w.Code != 201 {
		t.Errorf("three names: status %d, %s", w.Code, w.Body)
	}
	if p := h.problemOf(h.share("steps=1&n=16&class=0,1,1,0,0,0,1,1,1")); p.Status != 400 || p.Parameter != "experiment" {
		t.Errorf("nine names: %+v", p)
	}
}

// TestGalleryIsBounded: the oldest go, and lists are shorter still.
func TestGalleryIsBounded(t *testing.T) {
	h := newFake(t)
	g := newWall()
	h.gallery = g
	for i := range 301 {
		g.entries[fmt.Sprint(i)] = httpapi.Shared{Experiment: fmt.Sprintf("model=mnist&seed=%d", i), Date: fmt.Sprintf("2026-01-01T00:00:00.%03dZ", i)}
	}
	for name, e := range g.entries {
		delete(g.entries, name)
		g.entries[e.Experiment] = e
	}
	h.share("seed=1000")
	if _, old := g.entries["model=mnist&seed=1"]; len(g.entries) != 300 || old {
		t.Errorf("%d entries, an old one among them: %t; want 300 of the newest", len(g.entries), old)
	}
	got := h.listed()
	if len(got) != 60 || !strings.Contains(got[0].Experiment, "seed=1000&") || got[1].Experiment != "model=mnist&seed=300" || got[59].Experiment != "model=mnist&seed=242" {
		t.Errorf("%d listed: %+v", len(got), got)
	}
	if n := strings.Count(h.get("/gallery").Body.String(), "<img src=\"/api/sample.png"); n != 24 {
		t.Errorf("the page shows %d, want 24", n)
	}
}

// TestGalleryPage: it needs no script and lets nothing of the entries be one; what the
// site cannot draw any more is left out.
func TestGalleryPage(t *testing.T) {
	h := newFake(t)
	h.gallery = &wall{entries: map[string]httpapi.Shared{
		"a": {Experiment: "model=mnist&class=3&seed=7", Date: `2026-01-02T"><script>`},
		"b": {Experiment: "model=gone&seed=1", Date: "2026-01-01"},
		"c": {Experiment: "model=mnist&class=<script>", Date: "2026-01-01"},
		"d": {Experiment: "model=mnist&n=16&steps=900", Date: "2026-01-01"},
	}}
	w := h.get("/gallery")
	page := w.Body.String()
	for _, want := range []string{`<a href="/s/model=mnist&amp;class=3&amp;seed=7"><img src="/api/sample.png?class=3&amp;`, "class 3, ", `href="/style.css"`, ` width="560" `} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
	if n := strings.Count(page, "<li>"); n != 1 || strings.Contains(page, "<script>") {
		t.Errorf("%d entries, want 1, in %s", n, page)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if w.Code != 200 || !strings.Contains(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || w.Header().Get("ETag") == "" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
}

// TestNoGallery: a host that has none says so.
func TestNoGallery(t *testing.T) {
	h := newFake(t)
	for _, w := range []*httptest.ResponseRecorder{h.get("/api/gallery"), h.get("/gallery"), h.share("seed=1")} {
		if p := h.problemOf(w); p.Status != 404 || p.Detail != "the site has no gallery" {
			t.Errorf("got %+v", p)
		}
	}
}

// FuzzGallery posts any body: an experiment or a problem in words.
func FuzzGallery(f *testing.F) {
	for _, seed := range []string{`{"experiment":"class=3&seed=7"}`, `{"experiment":"mode=inpaint"}`, `{"experiment":`, `[]`} {
		f.Add(seed)
	}
	h := newFake(f)
	f.Fuzz(func(t *testing.T, body string) {
		h.t, h.gallery = t, newWall()
		w := h.post(body)
		if w.Code/100 != 2 {
			if p := h.problemOf(w); p.Status/100 != 4 || p.Detail == "" {
				t.Errorf("%q: %+v", body, p)
			}
			return
		}
		if data, err := io.ReadAll(w.Body); err != nil || len(h.listed()) != 1 {
			t.Errorf("%q: %s, and %+v", body, data, h.listed())
		}
	})
}
