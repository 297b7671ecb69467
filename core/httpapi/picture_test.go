//go:build !js

package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"tweedie/core/engine"
)

const immutable = "public, max-age=31536000, immutable"

// TestPicture holds a sheet to the pixels of the engine, at two scales.
func TestPicture(t *testing.T) {
	h := newFake(t)
	e, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	r, err := engine.ParseRequest([]byte(`{"n": 3, "seed": 5, "steps": 2, "class": 4}`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []int{1, 3} {
		w := h.get(fmt.Sprintf("/api/sample.png?n=3&seed=5&steps=2&class=4&scale=%d", scale))
		if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Fatalf("status %d, %v, %s", w.Code, w.Header(), w.Body)
		}
		picture, err := png.Decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(56*scale, 56*scale) {
			t.Errorf("scale %d: found %v pixels", scale, size)
		}
		for y := range 56 * scale {
			for x := range 56 * scale {
				i, wanted := y/scale/28*2+x/scale/28, uint8(0)
				if i < 3 {
					wanted = want.Pixels[i*784+y/scale%28*28+x/scale%28]
				}
				if got := picture.(*image.Gray).GrayAt(x, y).Y; got != wanted {
					t.Fatalf("scale %d: pixel %d, %d is %d, want %d", scale, x, y, got, wanted)
				}
			}
		}
	}
}

// A picture may be kept for good only where its address names the version of the model and of
// the program; otherwise another model may take the place of this one.
func TestOnlyVersionedPicturesAreImmutable(t *testing.T) {
	h := newFake(t)
	plain := h.get("/api/sample.png?steps=1")
	place := plain.Header().Get("Content-Location")
	if cache := plain.Header().Get("Cache-Control"); cache != "no-cache" || !strings.Contains(place, "v=") {
		t.Errorf("without a version: Cache-Control is %q, Content-Location %q", cache, place)
	}
	versioned := h.get(place)
	if cache := versioned.Header().Get("Cache-Control"); cache != immutable || !bytes.Equal(versioned.Body.Bytes(), plain.Body.Bytes()) {
		t.Errorf("with a version: Cache-Control is %q", cache)
	}
	again := h.get("/api/sample.png?steps=1", "If-None-Match", plain.Header().Get("ETag"))
	if again.Code != 304 {
		t.Errorf("asked again: status %d, want 304", again.Code)
	}
	h.files["models/mnist.json"] = append(h.files["models/mnist.json"], '\n')
	if w := h.get(place); w.Code != 404 {
		t.Errorf("of a model that was replaced: status %d, want 404", w.Code)
	}
}

// TestKept asks for one experiment in several words: it is drawn once.
func TestKept(t *testing.T) {
	h := newFake(t)
	first := h.get("/api/sample.png?steps=2")
	place := first.Header().Get("Content-Location")
	parts := regexp.MustCompile(`^turn;dur=1\.5, evaluate;dur=([\d.]+);desc="2 evaluations", encode;dur=[\d.]+$`).FindStringSubmatch(first.Header().Get("Server-Timing"))
	if parts == nil || parts[1] == "0" {
		t.Errorf("Server-Timing is %q", first.Header().Get("Server-Timing"))
	}
	if h.runs != 1 || first.Header().Get("Cache-Status") != "tweedie; fwd=miss; stored" || !bytes.Equal(h.kept[place], first.Body.Bytes()) {
		t.Fatalf("%d runs, %v, kept %d pictures", h.runs, first.Header(), len(h.kept))
	}
	for _, path := range []string{place, "/api/sample.png?seed=0&n=1&steps=02&guidance=1.30&class=all&model=mnist&sampler=dpmpp2m&scale=1"} {
		w := h.get(path)
		if !bytes.Equal(w.Body.Bytes(), first.Body.Bytes()) || w.Header().Get("ETag") != first.Header().Get("ETag") || w.Header().Get("Cache-Status") != "tweedie; hit" || w.Header().Get("Server-Timing") != "" {
			t.Errorf("%s: %d bytes, %v", path, w.Body.Len(), w.Header())
		}
	}
	if w := h.get(place, "If-None-Match", first.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("the same tag: status %d, want 304", w.Code)
	}
	if w := h.get("/api/sample.png?steps=2&class=3,4"); w.Code != 200 || h.runs != 2 || w.Header().Get("Content-Location") == place {
		t.Errorf("other classes: status %d, %d runs, %s", w.Code, h.runs, w.Header().Get("Content-Location"))
	}
	sent := h.get(place).Header()
	for name := range h.headers[place] {
		if name != "Content-Type" && h.headers[place].Get(name) != sent.Get(name) {
			t.Errorf("header %s was kept as %q, sent as %q", name, h.headers[place].Get(name), sent.Get(name))
		}
	}
}
