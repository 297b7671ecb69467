//go:build !js

package main_test

import (
	"strings"
	"testing"

	"tweedie/wasm/internal/workerd"
)

// TestOrigins: scripts of the origins in TWEEDIE_CORS may read what the program answers, and
// those of others may not.
func TestOrigins(t *testing.T) {
	if open(t).as(t, "10.0.0.5").get("/api/models", "Origin", "https://page.example").header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("without TWEEDIE_CORS, another origin may read the API")
	}
	s, err := workerd.ReadSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	s.Vars["TWEEDIE_CORS"] = "https://page.example, https://third.example"
	w, err := start(workerd.Options{Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	c := w.as(t, "10.0.0.5")
	for origin, want := range map[string]string{"https://page.example": "https://page.example", "https://other.example": "", "null": ""} {
		for _, path := range []string{"/api/models", "/api/sample.png?steps=1", "/api/sample.png?steps=0", "/api/stream?steps=1", "/api/nothing"} {
			a := c.get(path, "Origin", origin, "Accept-Encoding", "gzip")
			if got := a.header.Get("Access-Control-Allow-Origin"); got != want || !strings.Contains(strings.Join(a.header.Values("Vary"), ", "), "Origin") {
				t.Errorf("%s from %s: allows %q, Vary %q; want %q", path, origin, got, a.header.Values("Vary"), want)
			}
		}
		a := c.ask("OPTIONS", "/api/models", "Origin", origin, "Access-Control-Request-Method", "GET")
		if got := a.header.Get("Access-Control-Allow-Origin"); a.status != 204 || got != want {
			t.Errorf("preflight from %s: status %d, allows %q; want 204 and %q", origin, a.status, got, want)
		}
	}
}
