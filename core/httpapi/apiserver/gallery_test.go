package apiserver

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// share posts an experiment to the gallery.
func share(t testing.TB, url, experiment string) (*http.Response, string) {
	t.Helper()
	r, err := http.Post(url+"/api/gallery", "application/json", strings.NewReader(`{"experiment":"`+experiment+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// TestGallery checks that experiments shared concurrently and repeatedly are listed once, and
// still are after a restart.
func TestGallery(t *testing.T) {
	var log buffer
	o := options(t, &log)
	o.Gallery = filepath.Join(t.TempDir(), "gallery.json")
	url := listen(t, o)
	if _, err := os.Stat(o.Gallery); err != nil {
		t.Error(err) // it is created at the start, so that a file that cannot be written is reported then
	}
	var done sync.WaitGroup
	for range 3 {
		for _, experiment := range []string{"seed=1", "seed=2&n=4", "class=3&seed=3"} {
			done.Go(func() {
				if r, body := share(t, url, experiment); r.StatusCode != 201 && r.StatusCode != 200 {
					t.Errorf("%s: status %d, %s", experiment, r.StatusCode, body)
				}
			})
		}
	}
	done.Wait()
	if r, body := share(t, url, "seed=x"); r.StatusCode != 400 || !strings.Contains(body, `"parameter":"seed"`) {
		t.Errorf("not an experiment: status %d, %s", r.StatusCode, body)
	}
	if r, body := share(t, url, strings.Repeat("x", 3000)); r.StatusCode != 413 {
		t.Errorf("too large: status %d, %s", r.StatusCode, body)
	}
	_, before := get(t, url+"/api/gallery")
	_, after := get(t, listen(t, o)+"/api/gallery")
	if n := strings.Count(before, `"page":"/s/`); n != 3 || after != before {
		t.Errorf("got %s, and after a restart %s, want the same three", before, after)
	}
	if r, page := get(t, url+"/gallery"); r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || strings.Count(page, `<a href="/s/`) != 3 {
		t.Errorf("the page: status %d, %v, %s", r.StatusCode, r.Header, page)
	}
}

// TestGalleryIsLimited checks that sharing counts against the rate limit, and listing does not.
func TestGalleryIsLimited(t *testing.T) {
	var log buffer
	o := options(t, &log)
	o.Gallery, o.Rate = filepath.Join(t.TempDir(), "gallery.json"), 2
	url := listen(t, o)
	share(t, url, "seed=1")
	share(t, url, "seed=2")
	if r, body := share(t, url, "seed=3"); r.StatusCode != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, %v, %s", r.StatusCode, r.Header, body)
	}
	if r, _ := get(t, url+"/api/gallery"); r.StatusCode != 200 {
		t.Errorf("listing: status %d", r.StatusCode)
	}
}

// TestNoGallery checks the responses without a gallery, and the errors for invalid files.
func TestNoGallery(t *testing.T) {
	var log buffer
	o := options(t, &log)
	url := listen(t, o)
	for _, path := range []string{"/gallery", "/api/gallery"} {
		if r, body := get(t, url+path); r.StatusCode != 404 || !strings.Contains(body, "has no gallery") {
			t.Errorf("%s: status %d, %s", path, r.StatusCode, body)
		}
	}
	if r, body := share(t, url, "seed=1"); r.StatusCode != 404 || !strings.Contains(body, "has no gallery") {
		t.Errorf("status %d, %s", r.StatusCode, body)
	}
	o.Gallery = filepath.Join(t.TempDir(), "gallery.json")
	if err := os.WriteFile(o.Gallery, []byte("[1]"), 0o666); err != nil {
		t.Fatal(err)
	}
	if s, err := New(o); err == nil || !strings.Contains(err.Error(), "gallery.json") {
		t.Errorf("got %v, %v, want an error that names the file", s, err)
	}
	o.Gallery = filepath.Join(t.TempDir(), "none", "gallery.json")
	if s, err := New(o); err == nil {
		t.Errorf("missing folder: got %v", s)
	}
}
