package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"tweedie/core/engine"
	"tweedie/core/httpapi"
	"tweedie/core/model"
	"tweedie/site/publish"
	"tweedie/weights"
)

// host implements httpapi.Host on a site's folder. It runs one computation at a time, and
// caches engines and pictures in memory.
type host struct {
	site    *publish.Site // nil if there is no site
	models  models        // used if there is no site
	folder  string
	options engine.Options
	queue   int
	slot    chan struct{} // holds a token while a request computes
	closing chan struct{} // closed at shutdown

	mu       sync.Mutex
	waiting  int
	engines  map[string]opened // by the names of the model and its classifier
	pictures *lru.Cache[string, []byte]
}

// opened is an engine of one version of a model.
type opened struct {
	version string
	engine  *engine.Engine
}

// maxPictures is the size of the cache of pictures. Each takes at most some hundred kB.
const maxPictures = 256

func newHost(site *publish.Site, o Options) *host {
	pictures, err := lru.New[string, []byte](maxPictures)
	if err != nil {
		panic(err) // the size is positive
	}
	return &host{
		site: site, folder: o.Dir, options: engine.Options{Workers: o.Workers}, queue: o.Queue,
		slot: make(chan struct{}, 1), closing: make(chan struct{}), engines: map[string]opened{}, pictures: pictures,
	}
}

// File implements httpapi.Host. It returns the response of the site's handler.
func (h *host) File(ctx context.Context, name string) ([]byte, http.Header, error) {
	if h.site == nil {
		return h.models.file(name)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/"+name, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("apiserver: %w", err)
	}
	a := recorder{header: http.Header{}, status: http.StatusOK}
	h.site.ServeHTTP(&a, r)
	switch a.status {
	case http.StatusOK:
		return a.body.Bytes(), a.header, nil
	case http.StatusNotFound:
		return nil, nil, fmt.Errorf("apiserver: file %q of the site: %w", name, fs.ErrNotExist)
	}
	return nil, nil, fmt.Errorf("apiserver: file %q of the site: status must be 200 (got %d)", name, a.status)
}

// recorder is a response writer that keeps the response in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(b []byte) (int, error) { return a.body.Write(b) }

// Engine implements httpapi.Host. It waits for the slot and returns the engine of the
// model. Engines are cached until the site has another version of the model.
func (h *host) Engine(ctx context.Context, m *httpapi.Model, t *httpapi.Timing) (*engine.Engine, func(), error) {
	began := time.Now()
	if err := h.wait(ctx); err != nil {
		return nil, nil, err
	}
	t.Took(httpapi.PartTurn, time.Since(began))
	end := func() { <-h.slot }
	key := m.Name
	if m.Guide != nil {
		key += " " + m.Guide.Name
	}
	if cached := h.engines[key]; cached.version == m.Version {
		return cached.engine, end, nil
	}
	began = time.Now()
	e, err := h.open(m)
	if err != nil {
		end()
		return nil, nil, err
	}
	h.engines[key] = opened{m.Version, e}
	t.Took(httpapi.PartUnpack, time.Since(began))
	return e, end, nil
}

// open returns an engine of a model, with its classifier if it has one.
func (h *host) open(m *httpapi.Model) (*engine.Engine, error) {
	read := func(name string) (*weights.File, error) {
		if h.site == nil {
			return weights.OpenFS(h.models.fsys, name+weights.ManifestSuffix)
		}
		return weights.Open(filepath.Join(h.folder, "models", name+weights.ManifestSuffix))
	}
	file, err := read(m.Name)
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(file, h.options)
	if err != nil || m.Guide == nil {
		return e, err
	}
	if file, err = read(m.Guide.Name); err != nil {
		return nil, err
	}
	c, err := model.Open(file)
	if err != nil {
		return nil, err
	}
	return e, e.SetClassifier(c)
}

// wait waits for the slot to compute and takes it.
func (h *host) wait(ctx context.Context) error {
	h.mu.Lock()
	if h.waiting >= h.queue {
		h.mu.Unlock()
		return httpapi.ErrBusy
	}
	h.waiting++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.waiting--
		h.mu.Unlock()
	}()
	select {
	case h.slot <- struct{}{}:
		return nil
	case <-h.closing:
		return httpapi.ErrEnding
	case <-ctx.Done():
		return fmt.Errorf("apiserver: waiting for a slot: %w", context.Cause(ctx))
	}
}

// close rejects waiting and later requests. It must be called only once.
func (h *host) close() { close(h.closing) }

// queued returns the number of requests that wait for the slot.
func (h *host) queued() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting
}

// Kept implements httpapi.Host.
func (h *host) Kept(_ context.Context, address string) []byte {
	picture, _ := h.pictures.Get(address)
	return picture
}

// Keep implements httpapi.Host.
func (h *host) Keep(_ context.Context, address string, picture []byte, _ http.Header) {
	h.pictures.Add(address, picture)
}

// Yield implements httpapi.Host. It does nothing: the Go scheduler is preemptive here.
func (h *host) Yield() {}
