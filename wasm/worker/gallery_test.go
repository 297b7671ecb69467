//go:build !js

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"tweedie/wasm/internal/workerd"
)

// share posts an experiment.
func (c client) share(experiment string) answer {
	c.t.Helper()
	a, err := c.send("POST", "/api/gallery", `{"experiment":"`+experiment+`"}`, "Content-Type", "application/json")
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// exhibits asks for the gallery's list.
func (c client) exhibits() (list []struct{ Experiment, Page, Picture, Date string }) {
	c.t.Helper()
	a := c.get("/api/gallery")
	var body struct {
		Experiments *[]struct{ Experiment, Page, Picture, Date string }
	}
	if body.Experiments = &list; json.Unmarshal(a.body, &body) != nil || a.status != 200 {
		c.t.Errorf("status %d, %.300q", a.status, a.body)
	}
	return list
}

// TestGallery: with a KV namespace bound, experiments are shared once each, and their
// pictures are there.
func TestGallery(t *testing.T) {
	if os.Getenv("TWEEDIE_WORKERD") == "" {
		t.Skip("TWEEDIE_WORKERD names no folder: make test sets it")
	}
	w, err := start(workerd.Options{Gallery: true})
	if err != nil {
		t.Fatal(err)
	}
	c := w.as(t, "10.0.6.1")
	if got := c.exhibits(); len(got) != 0 {
		t.Errorf("empty: %+v", got)
	}
	first := c.share("class=3&n=4&steps=1&seed=7")
	again := c.share("seed=7&steps=1&model=mnist&n=4&class=3")
	if first.status != 201 || again.status != 200 || string(again.body) != string(first.body) {
		t.Errorf("status %d, %s, and again %d, %s; want 201, and 200 with the same", first.status, first.body, again.status, again.body)
	}
	c.share("class=5&seed=2&steps=1")
	got := c.exhibits()
	if len(got) != 2 || !strings.Contains(got[0].Experiment, "class=5") || !strings.Contains(got[1].Experiment, "class=3") || got[0].Date <= got[1].Date {
		t.Fatalf("got %+v, want the two, the newer first", got)
	}
	if a := c.get(got[1].Picture); a.status != 200 || a.header.Get("Content-Type") != pngType {
		t.Errorf("its picture: status %d, %v", a.status, a.header)
	}
	if a := c.get(got[1].Page); a.status != 200 || !strings.Contains(string(a.body), "og:image") {
		t.Errorf("its page: status %d", a.status)
	}
	page := c.get("/gallery")
	if page.status != 200 || strings.Count(string(page.body), `<img src="/api/sample.png`) != 2 || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: status %d, %v, %s", page.status, page.header, page.body)
	}
	if p := problemOf(t, c.share("class=ten")); p.Status != 400 || p.Parameter != "class" {
		t.Errorf("no experiment: %+v", p)
	}
	if p := problemOf(t, c.share(strings.Repeat("x", 5000))); p.Status != 413 {
		t.Errorf("too large: %+v", p)
	}
	other := w.as(t, "10.0.6.2")
	for i := range 80 {
		if a := other.share(fmt.Sprintf("class=x&seed=%d", i)); a.status == 429 {
			if a.header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %v", a.header)
			}
			return
		}
	}
	t.Error("80 posts of one client at once, and none too many")
}

// TestNoGallery: nothing is bound to the Worker as it is shipped.
func TestNoGallery(t *testing.T) {
	c := open(t).as(t, "10.0.6.3")
	for _, a := range []answer{c.get("/api/gallery"), c.get("/gallery"), c.share("seed=1")} {
		if p := problemOf(t, a); p.Status != 404 || p.Detail != "the site has no gallery" {
			t.Errorf("got %+v", p)
		}
	}
}
