//go:build !js

package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/wasm/internal/workerd"
)

// TestRoutes asks for everything that the Worker serves.
func TestRoutes(t *testing.T) {
	c := open(t).as(t, "10.0.0.1")
	for _, r := range []struct {
		path, kind, cache, body string
	}{
		{"/", "text/html; charset=utf-8", "public, max-age=0, must-revalidate", "<title>Tweedie"},
		{"/tweedie.js", "text/javascript; charset=utf-8", "public, max-age=0, must-revalidate", "export"},
		{"/models/mnist.json", "application/json", "public, max-age=0, must-revalidate", "tweedie-model"},
		{"/api/models", "application/json", "no-cache", `"about":"/api/models/mnist"`},
		{"/api/models/mnist", "application/json", "no-cache", `"limits":{"images":16,"gflop":160}`},
		{"/api/sample.png?steps=1", pngType, "no-cache", "\x89PNG"},
		{"/api/stream?steps=2", "text/event-stream", "no-store", "event: done"},
		{"/s/class=3&seed=7", "text/html; charset=utf-8", "no-cache", `og:image" content="` + c.URL + "api/sample.png?class=3&amp;"},
	} {
		a := c.get(r.path)
		if a.status != 200 || a.header.Get("Content-Type") != r.kind || a.header.Get("Cache-Control") != r.cache || !bytes.Contains(a.body, []byte(r.body)) {
			t.Errorf("%s: status %d, type %q, cache %q, %.400q; want 200, %q, %q, %q", r.path, a.status, a.header.Get("Content-Type"), a.header.Get("Cache-Control"), a.body, r.kind, r.cache, r.body)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: headers %v", r.path, a.header)
		}
		h := c.ask("HEAD", r.path)
		if h.status != 200 || len(h.body) != 0 || h.header.Get("Content-Type") != r.kind {
			t.Errorf("HEAD %s: status %d, %d bytes, %v", r.path, h.status, len(h.body), h.header)
		}
		if tag := a.header.Get("ETag"); tag != "" {
			if again := c.get(r.path, "If-None-Match", tag); again.status != 304 || len(again.body) != 0 {
				t.Errorf("%s: asked again with its tag: status %d, %d bytes", r.path, again.status, len(again.body))
			}
		} else if strings.HasPrefix(r.path, "/api/") && r.cache != "no-store" {
			t.Errorf("%s: no ETag", r.path)
		}
	}
	for _, path := range []string{"/nothing.js", "/models/mnist.json/", "/models/", "/models/mnist.json/index.html", "/api/models/", "/api/models/mnist.json", "/api/models/mnist/"} {
		if a := c.get(path); a.status != 404 {
			t.Errorf("%s: status %d, want 404", path, a.status)
		}
	}
}

// TestCompressed: text is sent as gzip to clients that accept it, with the same content.
func TestCompressed(t *testing.T) {
	c := open(t).as(t, "10.0.0.4")
	for _, path := range []string{"/api/models", "/api/openapi.json", "/s/class=3&steps=1", "/api/sample.png?steps=0"} {
		plain, packed := c.get(path, "Accept-Encoding", "identity"), c.get(path, "Accept-Encoding", "br;q=0.1, gzip")
		if plain.header.Get("Content-Encoding") != "" || packed.header.Get("Content-Encoding") != "gzip" || packed.status != plain.status || !strings.Contains(packed.header.Get("Vary"), "Accept-Encoding") {
			t.Fatalf("%s: status %d, headers %v; plain %d, %v", path, packed.status, packed.header, plain.status, plain.header)
		}
		r, err := gzip.NewReader(bytes.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain.body) {
			t.Errorf("%s: %d bytes, %v; want %d", path, len(got), err, len(plain.body))
		}
		if head := c.ask("HEAD", path, "Accept-Encoding", "gzip"); head.header.Get("Content-Encoding") != "gzip" || len(head.body) != 0 {
			t.Errorf("HEAD %s: %d bytes, headers %v", path, len(head.body), head.header)
		}
		if tag := packed.header.Get("ETag"); plain.status == 200 {
			if again := c.get(path, "If-None-Match", tag, "Accept-Encoding", "gzip"); tag == plain.header.Get("ETag") || again.status != 304 || len(again.body) != 0 {
				t.Errorf("%s: asked again with %s: status %d, %d bytes", path, tag, again.status, len(again.body))
			}
		}
	}
	for _, path := range []string{"/api/sample.png?steps=1", "/api/stream?steps=1"} {
		if a := c.get(path, "Accept-Encoding", "gzip"); a.status != 200 || a.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: status %d, headers %v", path, a.status, a.header)
		}
	}
}

// TestShards: weights are kept for ever, and come in ranges.
func TestShards(t *testing.T) {
	c := open(t).as(t, "10.0.0.2")
	names, err := filepath.Glob("../../bin/worker/site/models/mnist.*.zst")
	if err != nil || len(names) == 0 {
		t.Fatalf("no shards: %v", err)
	}
	path := "/models/" + filepath.Base(names[0])
	want, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	a := c.get(path)
	if a.status != 200 || !bytes.Equal(a.body, want) || a.header.Get("Cache-Control") != immutable || a.header.Get("Cross-Origin-Embedder-Policy") != "require-corp" {
		t.Errorf("whole: status %d, %d bytes, %v", a.status, len(a.body), a.header)
	}
	size := len(want)
	for _, r := range []struct {
		asked    string
		from, to int // to is past the end; from = to stands for 416
	}{
		{"bytes=0-0", 0, 1}, {"bytes=100-299", 100, 300}, {fmt.Sprintf("bytes=%d-", size-5), size - 5, size}, {"bytes=-7", size - 7, size},
		{fmt.Sprintf("bytes=10-%d", size+10), 10, size}, {fmt.Sprintf("bytes=%d-", size), 0, 0}, {"bytes=9-3", 0, 0},
	} {
		a := c.get(path, "Range", r.asked)
		if r.from == r.to {
			if a.status != 416 || a.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%s: status %d, %v, want 416", r.asked, a.status, a.header)
			}
			continue
		}
		if a.status != 206 || !bytes.Equal(a.body, want[r.from:r.to]) || a.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", r.from, r.to-1, size) {
			t.Errorf("%s: status %d, %d bytes, %q; want 206, %d", r.asked, a.status, len(a.body), a.header.Get("Content-Range"), r.to-r.from)
		}
	}
	for _, asked := range []string{"bytes=0-1,3-4", "lines=1-2"} {
		if a := c.get(path, "Range", asked); a.status != 200 || len(a.body) != size {
			t.Errorf("%s: status %d, %d bytes, want all", asked, a.status, len(a.body))
		}
	}
}

// TestBadQueries: each is a problem that names its parameter.
func TestBadQueries(t *testing.T) {
	c := open(t).as(t, "10.0.0.3")
	for _, q := range []struct {
		query, parameter string
		status           int
	}{
		{"model=none", "model", 404}, {"class=ten", "class", 400}, {"class=10", "class", 400}, {"seed=-1", "seed", 400},
		{"seed=1&seed=2", "seed", 400}, {"sampler=magic", "sampler", 400}, {"steps=0", "steps", 400}, {"steps=x", "steps", 400},
		{"guidance=-1", "guidance", 400}, {"guidance=inf", "guidance", 400}, {"eta=0.5", "eta", 400}, {"n=17", "n", 400},
		{"n=0", "n", 400}, {"scale=99", "scale", 400}, {"v=0", "v", 404}, {"size=3", "size", 400},
	} {
		for _, route := range []string{"/api/sample.png?", "/api/stream?"} {
			p := problemOf(t, c.get(route+q.query))
			if p.Status != q.status || p.Parameter != q.parameter || p.Title == "" || p.Detail == "" {
				t.Errorf("%s%s: got %+v, want %d, %q", route, q.query, p, q.status, q.parameter)
			}
		}
	}
	if p := problemOf(t, c.get("/s/class=ten")); p.Status != 400 || p.Parameter != "class" {
		t.Errorf("/s/: got %+v", p)
	}
	if a := c.get("/s/class=ten", "Accept", "text/html,*/*"); a.status != 400 || !bytes.Contains(a.body, []byte(`data-experiment="class=ten"`)) {
		t.Errorf("/s/ in a browser: status %d, %.200q", a.status, a.body)
	}
	if p := problemOf(t, c.get("/api/models/none")); p.Status != 404 {
		t.Errorf("/api/models/none: got %+v", p)
	}
	if p := problemOf(t, c.get("/api/nothing")); p.Status != 404 {
		t.Errorf("/api/nothing: got %+v", p)
	}
	if p := problemOf(t, c.ask("POST", "/api/models")); p.Status != 405 {
		t.Errorf("POST: got %+v", p)
	}
	p := problemOf(t, c.get("/api/sample.png?n=16&steps=500"))
	if p.Status != 422 || p.Limit.Name != "TWEEDIE_MAX_GFLOP" || p.Limit.Most != 160 || p.Limit.Found < 3000 {
		t.Errorf("too much work: got %+v", p)
	}
}

// TestSettings: what wrangler.jsonc names is there, and its limits are those told.
func TestSettings(t *testing.T) {
	s, err := workerd.ReadSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	data, err := os.ReadFile("package-lock.json")
	if err == nil {
		err = json.Unmarshal(data, &lock)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.Main != "../../bin/worker/build/worker.js" || s.Assets.Directory != "../../bin/worker/site" {
		t.Errorf("main %q and assets %q are not what make worker builds", s.Main, s.Assets.Directory)
	}
	version := lock.Packages["node_modules/@cloudflare/workerd-linux-64"].Version // 1.YYYYMMDD.N
	if date := strings.ReplaceAll(s.Date, "-", ""); len(strings.Split(version, ".")) != 3 || strings.Split(version, ".")[1] < date {
		t.Errorf("compatibility date %s is after the runtime of the tests, %s", s.Date, version)
	}
}
