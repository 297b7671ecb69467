//go:build !js

package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tweedie/core/engine"
	"tweedie/core/httpapi"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/weights"
)

// digits is the model of the tests: the one that the site opens. judge can guide it.
const (
	digits = "../../weights/models/mnist.json"
	judge  = "../../weights/models/mnist-classifier.json"
)

var (
	opened = sync.OnceValues(func() (*engine.Engine, error) { return openDigits() })
	guided = sync.OnceValues(func() (*engine.Engine, error) {
		e, err := openDigits()
		if err != nil {
			return nil, err
		}
		file, err := weights.Open(judge)
		if err != nil {
			return nil, err
		}
		m, err := model.Open(file)
		if err != nil {
			return nil, err
		}
		return e, e.SetClassifier(m)
	})
)

func openDigits() (*engine.Engine, error) {
	file, err := weights.Open(digits)
	if err != nil {
		return nil, err
	}
	return engine.Open(file, engine.Options{Workers: 1})
}

// fake is a host in memory.
type fake struct {
	t       testing.TB
	files   map[string][]byte
	kept    map[string][]byte
	headers map[string]http.Header // of what was kept
	runs    int                    // engines lent
	yield   func()
	err     error // of Engine
	gflop   int64
	gallery httpapi.Gallery
}

func newFake(t testing.TB) *fake {
	h := &fake{t: t, files: map[string][]byte{}, kept: map[string][]byte{}, headers: map[string]http.Header{}, yield: func() {}, gflop: 100}
	for name, path := range map[string]string{"": "../../site/page/index.html", "models/mnist.json": digits, "models/mnist.md": "../../weights/models/mnist.md", "models/judge.json": judge, "models/other.json": digits} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h.files[name] = data
	}
	h.files["models/index.json"] = []byte(`{"models":[{"file":"mnist.json","name":"mnist","bytes":7,"classifier":{"file":"judge.json"}},{"file":"other.json","name":"Other","bytes":8}]}`)
	return h
}

func (h *fake) File(_ context.Context, name string) ([]byte, http.Header, error) {
	data, ok := h.files[name]
	if !ok {
		return nil, nil, fmt.Errorf("fake: %q: %w", name, fs.ErrNotExist)
	}
	return data, http.Header{"Content-Security-Policy": {"default-src 'none'; base-uri 'none'"}, "Cross-Origin-Opener-Policy": {"same-origin"}}, nil
}

func (h *fake) Engine(_ context.Context, m *httpapi.Model, t *httpapi.Timing) (*engine.Engine, func(), error) {
	if h.err != nil {
		return nil, nil, h.err
	}
	h.runs++
	t.Took(httpapi.PartTurn, 1500*time.Microsecond)
	open := opened
	if m.Guide != nil {
		open = guided
	}
	e, err := open()
	return e, func() {}, err
}

func (h *fake) Kept(_ context.Context, address string) []byte { return h.kept[address] }

func (h *fake) Keep(_ context.Context, address string, picture []byte, header http.Header) {
	h.kept[address], h.headers[address] = picture, header
}

func (h *fake) Yield() { h.yield() }

// get asks the service on h for a path, with headers given as name and value in turn.
func (h *fake) get(path string, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.ask(httptest.NewRequest("GET", path, nil), header...)
}

func (h *fake) ask(r *http.Request, header ...string) *httptest.ResponseRecorder {
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s := &httpapi.Service{Host: h, Limits: httpapi.Limits{GFLOP: h.gflop}, Build: "test", Gallery: h.gallery}
	s.Handler().ServeHTTP(w, r)
	h.checkDescribed(r, w.Code)
	return w
}

// described is openapi.json, as far as it says which route answers what.
var described = sync.OnceValues(func() (map[string]map[string]struct {
	Responses map[string]any `json:"responses"`
}, error) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	text, err := os.ReadFile("openapi.json")
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	return doc.Paths, err
})

// checkDescribed holds the status of an answer to the description of its route.
func (h *fake) checkDescribed(r *http.Request, status int) {
	h.t.Helper()
	paths, err := described()
	if err != nil {
		h.t.Fatal(err)
	}
	path, method := r.URL.Path, strings.ToLower(r.Method)
	for prefix, pattern := range map[string]string{"/s/": "/s/{experiment}", "/api/models/": "/api/models/{name}"} {
		if strings.HasPrefix(path, prefix) {
			path = pattern
		}
	}
	route, ok := paths[path]
	if !ok { // there is no such route
		return
	}
	if _, ok := route[method]; !ok { // a method that is refused, or HEAD
		method = "get"
	}
	if _, ok := route[method].Responses[strconv.Itoa(status)]; !ok && status/100 != 3 {
		h.t.Errorf("%s %s answers with status %d, which openapi.json does not name", r.Method, path, status)
	}
}

// problemOf reads the answer of a request that has failed.
func (h *fake) problemOf(w *httptest.ResponseRecorder) httpapi.Problem {
	h.t.Helper()
	var p httpapi.Problem
	if err := minijson.UnmarshalStrict(w.Body.Bytes(), &p); err != nil {
		h.t.Fatalf("%v in %.300q", err, w.Body.String())
	}
	if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" || p.Status != w.Code || p.Title != http.StatusText(w.Code) || w.Header().Get("Cache-Control") != "no-store" {
		h.t.Errorf("status %d, type %q, cache %q: %+v", w.Code, kind, w.Header().Get("Cache-Control"), p)
	}
	return p
}
