package httpapi

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"tweedie/core/engine"
)

// Host is what a Service runs on.
type Host interface {
	// File returns a file of the static site, "" for the page itself, and the headers
	// that it is served with. The error wraps fs.ErrNotExist where there is none.
	File(ctx context.Context, name string) ([]byte, http.Header, error)
	// Engine waits for a slot and returns an engine of the model with its classifier, and
	// the function that frees the slot. It adds to t what took time. The error is ErrBusy
	// where too many requests are waiting.
	Engine(ctx context.Context, m *Model, t *Timing) (e *engine.Engine, end func(), err error)
	// Kept returns the picture that was kept for an address, or nil.
	Kept(ctx context.Context, address string) []byte
	// Keep keeps a picture, if it can, and the headers that it is served with.
	Keep(ctx context.Context, address string, picture []byte, header http.Header)
	// Yield lets the host run between evaluations, so that ctx can end.
	Yield()
}

// ErrBusy is the error of Host.Engine where too many requests are waiting.
var ErrBusy = errors.New("httpapi: too many requests are waiting: retry later")

// ErrEnding is the cause of a context that ends because the server shuts down.
var ErrEnding = errors.New("httpapi: the server is shutting down: retry later")

// Limits bound one request.
type Limits struct {
	GFLOP int64 // 10⁹ additions and multiplications of one request
}

// Names of limits where a host is configured, of which the first stands in a Problem too,
// and defaults.
const (
	LimitGFLOP   = "TWEEDIE_MAX_GFLOP"
	LimitRate    = "TWEEDIE_RATE" // requests a minute from one client; 0 means no limit
	DefaultGFLOP = 160
)

// Limits that a host cannot set.
const (
	maxImages = 16   // of a sheet: 4×4
	maxScale  = 32   // pixels of a sheet for one pixel of an image, along a side
	maxSide   = 4096 // of a sheet, in pixels
	maxQuery  = 2048 // bytes of an experiment
	maxModels = 256  // of a catalogue
	maxShared = 300  // experiments in a gallery
	maxListed = 60   // in a list
	maxOnPage = 24   // on a page: its pictures leave a visitor part of the usual rate
	maxEntry  = 800  // bytes of an experiment in a gallery: KV keeps 1024 of metadata with a key
	immutable = "public, max-age=31536000, immutable"
	checked   = "no-cache" // a client asks each time whether it has changed
)

// Service answers requests. It keeps nothing between them; its Host does.
type Service struct {
	Host    Host
	Limits  Limits
	Build   string  // build id of the program, part of the version of a picture
	Gallery Gallery // nil means that the site has none
}

// route is a handler whose error has not been answered yet.
type route func(w http.ResponseWriter, r *http.Request) error

// Handler returns the handler of the service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range s.routes() {
		mux.Handle(pattern, handler)
	}
	mux.Handle("/", route(s.notFound))
	return mux
}

// routes are the handlers of the service by their paths, which openapi.json describes.
func (s *Service) routes() map[string]http.Handler {
	return map[string]http.Handler{
		"/api/openapi.json":  route(s.description),
		"/api/models":        route(s.models),
		"/api/models/{name}": route(s.model),
		"/api/sample.png":    route(s.picture),
		"/api/stream":        route(s.stream),
		"/api/gallery":       listOrAdd{s.list, s.share},
		"/s/{experiment}":    route(s.shared),
		"/gallery":           route(s.galleryPage),
	}
}

// openAPI describes the service. It is generated from the settings.
//
//go:embed openapi.json
var openAPI []byte

// description answers with the description of the API.
func (s *Service) description(w http.ResponseWriter, r *http.Request) error {
	send(w, r, openAPI, "application/json", checked)
	return nil
}

// Computes reports whether a request to this path may evaluate a network.
func Computes(path string) bool { return path == "/api/sample.png" || path == "/api/stream" }

// Counts reports whether a request counts for the rate limit: one that computes, or that
// adds something.
func Counts(r *http.Request) bool { return Computes(r.URL.Path) || r.Method == http.MethodPost }

// listOrAdd is a route that lists, and adds with POST.
type listOrAdd struct{ list, add route }

func (l listOrAdd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		l.add.answer(w, r, nil)
		return
	}
	l.list.answer(w, r, acceptable(r, w.Header(), "GET, HEAD, POST"))
}

// ServeHTTP answers with f, or with the problem of its error.
func (f route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.answer(w, r, acceptable(r, w.Header(), "GET, HEAD"))
}

// answer answers with err or, if that is nil, with f.
func (f route) answer(w http.ResponseWriter, r *http.Request, err error) {
	harmless(w.Header())
	if err == nil {
		err = f(w, r)
	}
	if err != nil && !gone(r.Context()) {
		problemOf(err).Write(w)
	}
}

// harmless sets the security headers of an answer that is not a page.
func harmless(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
}

// gone reports whether the client of a request has closed the connection. A request that
// took too long, or whose server shuts down, still has its client.
func gone(ctx context.Context) bool { return errors.Is(context.Cause(ctx), context.Canceled) }

// acceptable refuses methods other than GET and HEAD, and requests with a body. Allow
// names the methods of the route.
func acceptable(r *http.Request, h http.Header, methods string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", methods)
		return &Problem{Status: http.StatusMethodNotAllowed, Detail: "the method must be one of " + methods + " (got " + clip(r.Method) + ")"}
	}
	if r.ContentLength > 0 {
		return &Problem{Status: http.StatusRequestEntityTooLarge, Detail: "the request must have no body"}
	}
	return nil
}

// notFound answers what no other route does.
func (s *Service) notFound(_ http.ResponseWriter, r *http.Request) error {
	return &Problem{Status: http.StatusNotFound, Detail: "there is nothing at " + clip(r.URL.Path) + ": see /api/openapi.json"}
}

// send answers with body and an ETag that is a hash of it, or with 304 where the client
// has it.
func send(w http.ResponseWriter, r *http.Request, body []byte, kind, caching string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", caching)
	h.Set("ETag", etag(body))
	if matches(r.Header.Values("If-None-Match"), h.Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body) // an error means that the client is gone
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// matches reports whether If-None-Match names tag: RFC 9110, section 13.1.2, where
// weak tags compare as strong ones.
func matches(values []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == tag || one == "*" {
			return true
		}
	}
	return false
}
