//go:build !js

// The tests of the Worker drive it over HTTP, in the runtime that Cloudflare runs it
// in. They need what make worker has built, and workerd: make test sees to both.
package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/wasm/internal/workerd"
	"tweedie/weights"
)

const (
	settings  = "wrangler.jsonc"
	digits    = "../../weights/models/mnist.json"
	judge     = "../../weights/models/mnist-classifier.json"
	immutable = "public, max-age=31536000, immutable"
	pngType   = "image/png"
)

// printed is what the Worker has printed.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// worker is the Worker that runs for all tests of this binary.
type worker struct {
	*workerd.Server
	log *printed
}

var started = sync.OnceValues(func() (worker, error) { return start(workerd.Options{}) })

// start runs the Worker, with what o has of a test's own: an entry before it, a gallery, settings.
func start(o workerd.Options) (worker, error) {
	w := worker{log: &printed{}}
	program, err := workerd.Find(os.Getenv("TWEEDIE_WORKERD"))
	if err != nil {
		return w, err
	}
	if o.Settings == nil {
		if o.Settings, err = workerd.ReadSettings(settings); err != nil {
			return w, err
		}
	}
	o.Program, o.Address, o.Log = program, "127.0.0.1:0", w.log
	w.Server, err = workerd.Start(context.Background(), o)
	if err != nil {
		return w, fmt.Errorf("%w\n%s", err, w.log)
	}
	closers = append(closers, w.Close)
	return w, nil
}

// closers end what the tests started.
var closers []func()

func TestMain(m *testing.M) {
	status := m.Run()
	for _, end := range closers {
		end()
	}
	os.Exit(status)
}

// open returns the Worker of the tests.
func open(t testing.TB) worker {
	t.Helper()
	if os.Getenv("TWEEDIE_WORKERD") == "" {
		t.Skip("TWEEDIE_WORKERD names no folder: make test sets it")
	}
	w, err := started()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the Worker printed: %s", w.log)
		}
	})
	return w
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// client gives the requests of a test, or of a part of one, the address of a client
// of its own: how often a client may ask is limited.
type client struct {
	worker
	t       testing.TB
	address string
}

func (w worker) as(t testing.TB, address string) client { return client{w, t, address} }

// get asks for a path, with headers given as name and value in turn.
func (c client) get(path string, header ...string) answer { return c.ask("GET", path, header...) }

func (c client) ask(method, path string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, header...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// plain does not decompress, and does not follow.
var plain = &http.Client{
	Timeout:       10 * time.Minute,
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c client) try(method, path string, header ...string) (answer, error) {
	return c.send(method, path, "", header...)
}

// send is try with a body, if it is not "".
func (c client) send(method, path, body string, header ...string) (answer, error) {
	r, err := http.NewRequest(method, strings.TrimSuffix(c.URL, "/")+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("CF-Connecting-IP", c.address)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := plain.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, data}, err
}

// problem is the problem details of an answer, as far as tests look at them.
type problem struct {
	Title, Detail, Parameter string
	Status                   int
	Limit                    struct {
		Name        string
		Found, Most float64
	}
}

func problemOf(t testing.TB, a answer) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status {
		t.Errorf("status %d, type %q, %v: %.300q", a.status, a.header.Get("Content-Type"), err, a.body)
	}
	return p
}

// native is the engine of this machine, for the same model and its classifier.
var native = sync.OnceValues(func() (*engine.Engine, error) {
	file, err := weights.Open(digits)
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(file, engine.Options{})
	if err != nil {
		return nil, err
	}
	if file, err = weights.Open(judge); err != nil {
		return nil, err
	}
	m, err := model.Open(file)
	if err != nil {
		return nil, err
	}
	return e, e.SetClassifier(m)
})

// drawn returns the pixels of a request, natively.
func drawn(t testing.TB, request string) engine.Result {
	t.Helper()
	e, err := native()
	if err != nil {
		t.Fatal(err)
	}
	r, err := engine.ParseRequest([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	result, err := e.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
