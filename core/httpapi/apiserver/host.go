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

// host is a site's folder, one engine at work at a time, and memory. It is an
// httpapi.Host.
type host struct {
	site    *publish.Site // nil with models
	models  models        // where there is no site
	folder  string
	options engine.Options
	queue   int
	turn    chan struct{} // holds a token while somebody computes
	closing chan struct{} // closed when nobody may begin any more

	mu       sync.Mutex
	waiting  int
	engines  map[string]opened // by names of the model and of its guide
	pictures *lru.Cache[string, []byte]
}

// opened is an engine of one version of a model.
type opened struct {
	version string
	engine  *engine.Engine
}

// kept is how many pictures are remembered: some hundred kB each at most.
const kept = 256

func newHost(site *publish.Site, o Options) *host {
	pictures, err := lru.New[string, []byte](kept)
	if err != nil {
		panic(err) // the size is positive
	}
	return &host{
		site: site, folder: o.Dir, options: engine.Options{Workers: o.Workers}, queue: o.Queue,
		turn: make(chan struct{}, 1), closing: make(chan struct{}), engines: map[string]opened{}, pictures: pictures,
	}
}

// File implements httpapi.Host with the site's own answer.
func (h *host) File(ctx context.Context, name string) ([]byte, http.Header, error) {
	if h.site == nil {
		return h.models.file(name)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/"+name, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("apiserver: %w", err)
	}
	a := answer{header: http.Header{}, status: http.StatusOK}
	h.site.ServeHTTP(&a, r)
	switch a.status {
	case http.StatusOK:
		return a.body.Bytes(), a.header, nil
	case http.StatusNotFound:
		return nil, nil, fmt.Errorf("apiserver: file %q of the site: %w", name, fs.ErrNotExist)
	}
	return nil, nil, fmt.Errorf("apiserver: file %q of the site: found HTTP %d, need 200", name, a.status)
}

// answer is a response that stays in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// Engine implements httpapi.Host: whoever has the turn has the engine of its model. An
// engine stays for the next request until the site has another version of the model.
func (h *host) Engine(ctx context.Context, m *httpapi.Model, t *httpapi.Timing) (*engine.Engine, func(), error) {
	began := time.Now()
	if err := h.wait(ctx); err != nil {
		return nil, nil, err
	}
	t.Took(httpapi.PartTurn, time.Since(began))
	end := func() { <-h.turn }
	key := m.Name
	if m.Guide != nil {
		key += " " + m.Guide.Name
	}
	if known := h.engines[key]; known.version == m.Version {
		return known.engine, end, nil
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

// open returns an engine of a model, with its guide.
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

// wait takes the turn.
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
	case h.turn <- struct{}{}:
		return nil
	case <-h.closing:
		return httpapi.ErrEnding
	case <-ctx.Done():
		return fmt.Errorf("apiserver: waiting for a turn: %w", context.Cause(ctx))
	}
}

// close turns away everybody who waits, and who comes later: once.
func (h *host) close() { close(h.closing) }

// queued returns how many requests wait for their turn.
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

// Yield implements httpapi.Host: here the system gives way by itself.
func (h *host) Yield() {}
