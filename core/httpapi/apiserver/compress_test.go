package apiserver

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// TestCompressed: text is sent as gzip to clients that accept it, with the same content;
// pictures and streams are not.
func TestCompressed(t *testing.T) {
	url := listen(t, options(t, io.Discard))
	ask := func(method, path, accept, tag string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(method, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", accept) // also keeps the client from decompressing
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a, string(body)
	}
	for _, path := range []string{"/api/models", "/api/models/mnist", "/api/openapi.json", "/api/nothing", "/s/class=3&steps=1", "/api/sample.png?steps=0"} {
		plain, want := ask("GET", path, "identity", "")
		packed, body := ask("GET", path, "br;q=0.1, gzip;q=0.5", "")
		if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || packed.StatusCode != plain.StatusCode {
			t.Fatalf("%s: status %d and %d, encodings %q and %q", path, plain.StatusCode, packed.StatusCode, plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
		}
		r, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", path, len(got), err, len(want))
		}
		for _, a := range []*http.Response{plain, packed} {
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s: Vary is %q", path, a.Header.Values("Vary"))
			}
		}
		if head, body := ask("HEAD", path, "gzip", ""); head.StatusCode != plain.StatusCode || head.Header.Get("Content-Encoding") != "gzip" || body != "" {
			t.Errorf("%s: HEAD: status %d, encoding %q, %d bytes", path, head.StatusCode, head.Header.Get("Content-Encoding"), len(body))
		}
		tag := packed.Header.Get("ETag")
		if plain.StatusCode != 200 {
			continue
		}
		if tag == plain.Header.Get("ETag") {
			t.Errorf("%s: both have the tag %s", path, tag)
		}
		if again, body := ask("GET", path, "gzip", tag); again.StatusCode != 304 || body != "" || again.Header.Get("Content-Encoding") != "" || again.Header.Get("ETag") != tag {
			t.Errorf("%s: the same tag: status %d, %d bytes, headers %v", path, again.StatusCode, len(body), again.Header)
		}
	}
	for _, path := range []string{"/api/sample.png?steps=1", "/api/stream?steps=1", "/healthz"} {
		if a, _ := ask("GET", path, "gzip", ""); a.StatusCode != 200 || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: status %d, encoding %q", path, a.StatusCode, a.Header.Get("Content-Encoding"))
		}
	}
}

// TestOrigins: scripts of the allowed origins may read the site and the API, but no metrics.
func TestOrigins(t *testing.T) {
	o := options(t, io.Discard)
	o.Origins = []string{"https://page.example"}
	url := listen(t, o)
	for _, path := range []string{"/tweedie.js", "/models/mnist.json", "/api/models", "/api/sample.png?steps=1", "/api/sample.png?steps=0", "/api/stream?steps=1", "/s/class=3&steps=1", "/metrics", "/healthz"} {
		for origin, want := range map[string]string{"https://page.example": "https://page.example", "https://other.example": ""} {
			if path == "/metrics" || path == "/healthz" {
				want = ""
			}
			r, err := http.NewRequest("GET", url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", origin)
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, a.Body)
			a.Body.Close()
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s from %s: allows %q, want %q", path, origin, got, want)
			}
		}
	}
	o.Origins = []string{"page.example"}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), `(got "page.example")`) {
		t.Errorf("an origin without a scheme: got %v", err)
	}
}
