//go:build !js

package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tweedie/site/publish"
)

// TestModuleOfAnotherOrigin loads the module and the model from another origin, which allows
// it, into a page with the policy that docs/javascript.md gives: its workers start all the
// same, and draw the same bytes. An isolated page shares its memory with them.
func TestModuleOfAnotherOrigin(t *testing.T) {
	f := openFile(t, "../../weights/models/mnist.json")
	s, err := sites()
	if err != nil {
		t.Fatal(err)
	}
	f.put(s, "mnist")
	var host string
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch {
		case r.URL.Path == "/tweedie.js": // what the scripts of tests import
			h.Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, "export * from '%s/tweedie.js'", host)
		case strings.HasPrefix(r.URL.Path, "/run/"), strings.HasPrefix(r.URL.Path, "/answer/"):
			s.ServeHTTP(w, r)
		case r.URL.Path == "/isolated.html":
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Embedder-Policy", "require-corp")
			fallthrough
		case r.URL.Path == "/":
			h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self' %[1]s 'wasm-unsafe-eval'; worker-src blob: %[1]s; connect-src 'self' %[1]s", host))
			h.Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>test</title>")
		default:
			http.NotFound(w, r)
		}
	}))
	defer pages.Close()
	files := httptest.NewServer(publish.AllowOrigins([]string{pages.URL}, s))
	defer files.Close()
	host = files.URL
	const request = `{"n": 3, "seed": 11, "steps": 3}`
	want := f.sum(t, request)
	for _, path := range []string{"/", "/isolated.html"} {
		b, err := browsers()
		if err != nil {
			t.Fatal(err)
		}
		tab, err := b.open(pages.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer tab.close()
		var got struct {
			Sums     []string
			Sharing  string
			Isolated bool
		}
		page{s, tab}.run(t, &got, `
			const model = await load('%[1]s/models/mnist.json', { workers: 2 })
			const one = await model.sample(%[2]s)
			const { sharing } = model.info
			model.close()
			return { sums: [one.sha256], sharing, isolated: self.crossOriginIsolated && typeof SharedArrayBuffer === 'function' }`, host, request)
		if len(got.Sums) != 1 || got.Sums[0] != want {
			t.Errorf("%s: drew %v, want %s", path, got.Sums, want)
		}
		if shared := got.Sharing == "channels"; shared != got.Isolated || path == "/" && shared {
			t.Errorf("%s: sharing %q, isolated %v", path, got.Sharing, got.Isolated)
		}
	}
}
