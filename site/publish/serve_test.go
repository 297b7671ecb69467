package publish

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// get asks a site for a path with headers, given as name and value in turn.
func get(t *testing.T, site *Site, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w.Result()
}

func openSite(t *testing.T, dir string) *Site {
	site, err := Handler(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { site.Close() })
	return site
}

func TestServeFiles(t *testing.T) {
	out := toySite(t)
	site := openSite(t, out)
	shards, _ := filepath.Glob(filepath.Join(out, "models", "toy.*.zst"))
	for _, c := range []struct {
		path, kind, cache string
	}{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "text/html; charset=utf-8", "no-cache"},
		{"/tweedie.js", "text/javascript; charset=utf-8", "no-cache"},
		{"/tweedie.wasm", "application/wasm", "no-cache"},
		{"/tweedie.wasm?v=0123abcd", "application/wasm", "public, max-age=31536000, immutable"},
		{"/tweedie.wasm?v=other", "application/wasm", "no-cache"},
		{"/models/toy.json", "application/json", "no-cache"},
		{"/models/toy.md", "text/markdown; charset=utf-8", "no-cache"},
		{"/models/" + filepath.Base(shards[0]), "application/zstd", "public, max-age=31536000, immutable"},
	} {
		r := get(t, site, "GET", c.path)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: status %d, type %q, cache %q; want 200, %q, %q", c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"), c.kind, c.cache)
		}
		for name, value := range headers {
			if r.Header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", c.path, name, r.Header.Get(name), value)
			}
		}
	}
}

func TestServeEncodingsRangesAndETags(t *testing.T) {
	out := toySite(t)
	site := openSite(t, out)
	plain, packed := read(t, out, "tweedie.wasm"), read(t, out, "tweedie.wasm.br")

	r := get(t, site, "GET", "/tweedie.wasm", "Accept-Encoding", "gzip;q=0.4, br;q=0.5")
	var body bytes.Buffer
	body.ReadFrom(r.Body)
	if r.Header.Get("Content-Encoding") != "br" || body.String() != packed || r.ContentLength != int64(len(packed)) {
		t.Errorf("brotli: encoding %q, %d bytes, length %d; want br, %d", r.Header.Get("Content-Encoding"), body.Len(), r.ContentLength, len(packed))
	}
	packedTag := r.Header.Get("ETag")

	r = get(t, site, "GET", "/tweedie.wasm")
	tag := r.Header.Get("ETag")
	if r.ContentLength != int64(len(plain)) || r.Header.Get("Content-Encoding") != "" || tag == packedTag {
		t.Errorf("plain: length %d, encoding %q, tag %s and %s", r.ContentLength, r.Header.Get("Content-Encoding"), tag, packedTag)
	}
	zipped := read(t, out, "tweedie.wasm.gz")
	r = get(t, site, "GET", "/tweedie.wasm", "Accept-Encoding", "br;q=0, gzip")
	body.Reset()
	body.ReadFrom(r.Body)
	if r.Header.Get("Content-Encoding") != "gzip" || body.String() != zipped || r.Header.Get("ETag") == tag || r.Header.Get("ETag") == packedTag || r.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("gzip: %d bytes, headers %v; want %d", body.Len(), r.Header, len(zipped))
	}
	if r := get(t, site, "GET", "/tweedie.wasm", "If-None-Match", tag); r.StatusCode != 304 {
		t.Errorf("same tag: status %d, want 304", r.StatusCode)
	}
	if r := get(t, site, "GET", "/tweedie.wasm", "If-None-Match", packedTag); r.StatusCode != 200 {
		t.Errorf("other tag: status %d, want 200", r.StatusCode)
	}
	r = get(t, site, "GET", "/tweedie.wasm", "Range", "bytes=4-7")
	body.Reset()
	body.ReadFrom(r.Body)
	if r.StatusCode != 206 || body.String() != plain[4:8] || r.Header.Get("Content-Range") == "" {
		t.Errorf("range: status %d, %q, want 206, %q", r.StatusCode, body.String(), plain[4:8])
	}
	if r := get(t, site, "GET", "/tweedie.wasm", "Range", "bytes=999999-"); r.StatusCode != 416 {
		t.Errorf("range past the end: status %d, want 416", r.StatusCode)
	}
	if r := get(t, site, "HEAD", "/tweedie.wasm"); r.StatusCode != 200 || r.ContentLength != int64(len(plain)) {
		t.Errorf("HEAD: status %d, length %d", r.StatusCode, r.ContentLength)
	}
}

// TestServeSeesNewFiles changes a file under a running server.
func TestServeSeesNewFiles(t *testing.T) {
	out := toySite(t)
	site := openSite(t, out)
	before := get(t, site, "GET", "/worker.js").Header.Get("ETag")
	os.WriteFile(filepath.Join(out, "worker.js"), []byte("changed"), 0o666)
	if after := get(t, site, "GET", "/worker.js").Header.Get("ETag"); after == before {
		t.Error("the ETag of a changed file is the same")
	}
}

func TestServeRefuses(t *testing.T) {
	out := toySite(t)
	os.WriteFile(filepath.Join(filepath.Dir(out), "secret.txt"), []byte("secret"), 0o666)
	os.Symlink(filepath.Join(filepath.Dir(out), "secret.txt"), filepath.Join(out, "link.txt"))
	os.WriteFile(filepath.Join(out, ".env.json"), []byte("secret"), 0o666)
	site := openSite(t, out)
	for _, path := range []string{"/nothing.js", "/models", "/models/", "/models/toy.json/", "/models/toy.json/index.html", "/tweedie.js/", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/.env.json", "/_headers", "/index.html/x.js"} {
		r := get(t, site, "GET", path)
		var body bytes.Buffer
		body.ReadFrom(r.Body)
		if r.StatusCode != 404 || strings.Contains(body.String(), "secret\"") || r.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: status %d, %q", path, r.StatusCode, body.String())
		}
	}
	if r := get(t, site, "POST", "/"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if _, err := Handler(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a site that tweedie site made") {
		t.Errorf("empty folder: got %v", err)
	}
}

func TestServeUntilCancelled(t *testing.T) {
	out := toySite(t)
	ctx, cancel := context.WithCancel(t.Context())
	urls, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- Serve(ctx, out, "127.0.0.1:0", nil, func(url string) { urls <- url }) }()
	url := <-urls
	r, err := http.Get(url + "models/toy.json")
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("got %v, %v", r, err)
	}
	r.Body.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("got %v, want none", err)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("still serving 5 minutes after it was cancelled")
	}
}

func TestServePortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = Serve(t.Context(), toySite(t), l.Addr().String(), nil, func(string) { t.Error("it listens") })
	if err == nil || !strings.Contains(err.Error(), "taken by another program: choose another with --addr") {
		t.Errorf("got %v", err)
	}
}
