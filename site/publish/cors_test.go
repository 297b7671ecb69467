package publish

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckOrigins(t *testing.T) {
	if err := CheckOrigins([]string{"*", "https://example.org", "http://localhost:8080", "https://xn--bcher-kva.example", "http://[::1]:5173", "http://127.0.0.1"}); err != nil {
		t.Error(err)
	}
	for _, origin := range []string{"", "example.org", "https://example.org/", "https://example.org/x", "https://", "ftp://example.org", "HTTPS://example.org", "https://Example.org", "https://example.org:443", "http://a:80", "https://a:", "https://u@a", "null", "https://*.example.org?", "https://a b"} {
		if err := CheckOrigins([]string{origin}); err == nil {
			t.Errorf("%q was accepted", origin)
		}
	}
}

// TestAllowOrigins: scripts of the allowed origins, and no others, may read files.
func TestAllowOrigins(t *testing.T) {
	site := openSite(t, toySite(t))
	const page, other = "https://page.example", "https://other.example"
	for _, c := range []struct {
		origins     []string
		from, allow string
		vary        bool
	}{
		{nil, page, "", false},
		{[]string{"*"}, page, "*", false},
		{[]string{"*"}, "", "*", false},
		{[]string{page}, page, page, true},
		{[]string{"https://third.example", page}, page, page, true},
		{[]string{page}, other, "", true},
		{[]string{page}, "", "", true},
		{[]string{page}, "null", "", true},
	} {
		handler := AllowOrigins(c.origins, site)
		for _, path := range []string{"/tweedie.js", "/models/toy.json", "/nothing"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Origin", c.from)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.allow {
				t.Errorf("%v: %s from %q: allows %q, want %q", c.origins, path, c.from, got, c.allow)
			}
			if vary := strings.Contains(strings.Join(w.Header().Values("Vary"), ", "), "Origin"); vary != c.vary {
				t.Errorf("%v: %s: Vary is %q", c.origins, path, w.Header().Values("Vary"))
			}
		}
		r := httptest.NewRequest("OPTIONS", "/models/toy.json", nil)
		r.Header.Set("Origin", c.from)
		r.Header.Set("Access-Control-Request-Method", "GET")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		want := http.StatusNoContent
		if c.origins == nil {
			want = http.StatusMethodNotAllowed
		}
		if w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != c.allow {
			t.Errorf("%v: preflight from %q: status %d, headers %v", c.origins, c.from, w.Code, w.Header())
		}
	}
}

// TestBuildAllowsOrigins: the headers of a static site name the origin.
func TestBuildAllowsOrigins(t *testing.T) {
	for _, origin := range []string{"", "*", "https://page.example"} {
		out := filepath.Join(t.TempDir(), "dist")
		if _, err := Build(t.Context(), Options{Page: toyPage(t), Models: []string{toyModel(t, "toy", 1)}, Out: out, Origin: origin}); err != nil {
			t.Fatal(err)
		}
		text := read(t, out, "_headers")
		if got := strings.Contains(text, "/*\n  Access-Control-Allow-Origin: "+origin+"\n"); got != (origin != "") {
			t.Errorf("origin %q: _headers is %q", origin, text)
		}
	}
	if _, err := Build(t.Context(), Options{Page: toyPage(t), Models: []string{toyModel(t, "toy", 1)}, Out: filepath.Join(t.TempDir(), "dist"), Origin: "example.org"}); err == nil {
		t.Error("an origin without a scheme was accepted")
	}
}
