package apiserver

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// A folder of models without a site is served as an API without pages.
func TestModelsAlone(t *testing.T) {
	s, err := New(Options{Models: os.DirFS("../../../weights/models")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	var list struct{ Models []struct{ Name string } }
	if err := json.Unmarshal(get("/api/models").Body.Bytes(), &list); err != nil || len(list.Models) != 2 || list.Models[0].Name != "mnist" {
		t.Errorf("got %+v, %v", list, err)
	}
	for path, want := range map[string]int{
		"/api/models/mnist": 200, "/api/sample.png?model=mnist&n=1&steps=2": 200, "/api/sample.png?model=none": 404,
		"/healthz": 200, "/metrics": 200, "/": 404, "/s/n=1": 404,
	} {
		if w := get(path); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestOptionsRefuse(t *testing.T) {
	for want, o := range map[string]Options{
		"either Dir or Models must be set": {},
		"at least one model":               {Models: fstest.MapFS{"a.json": {Data: []byte("{}")}}},
		"must not be negative":             {Models: fstest.MapFS{}, Queue: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
