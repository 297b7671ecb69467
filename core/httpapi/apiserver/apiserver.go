package apiserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"tweedie/core/httpapi"
	"tweedie/site/publish"
)

// Options configure a Server. Exactly one of Dir and Models must be set. The other fields
// are optional.
type Options struct {
	Dir     string        // folder of a site made by tweedie site
	Models  fs.FS         // models to serve without a site: NAME.json and its shards
	Build   string        // build id of this program, part of the key of cached pictures
	GFLOP   int64         // limit of one request in 10⁹ additions and multiplications; 0 means 160
	Rate    int           // limit of computing requests per client and minute; 0 means no limit
	Queue   int           // most requests that wait for the slot to compute; 0 means 64
	Timeout time.Duration // of one API request, including its wait; 0 means two minutes
	Grace   time.Duration // time for the running request to finish at shutdown; 0 stops it at once
	Workers int           // threads for computation; 0 means one per CPU
	Client  string        // header in which a reverse proxy sends the client's address; "" means no proxy
	Gallery string        // file of shared experiments; "" means no gallery
	Origins []string      // whose pages' scripts may read answers: see publish.AllowOrigins; nil means the server's own alone
	Log     *slog.Logger  // gets one line per request; nil means no log
}

// complete returns o with defaults for zero values. It returns an error that names the
// values if one is out of range.
func (o Options) complete() (Options, error) {
	o.GFLOP = cmp.Or(o.GFLOP, httpapi.DefaultGFLOP)
	o.Queue = cmp.Or(o.Queue, 64)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if (o.Dir == "") == (o.Models == nil) {
		return o, errors.New("apiserver: either Dir or Models must be set")
	}
	if o.GFLOP < 0 || o.Rate < 0 || o.Queue < 0 || o.Timeout < 0 || o.Grace < 0 || o.Workers < 0 {
		return o, fmt.Errorf("apiserver: options must not be negative (got %d GFLOP, rate %d, queue %d, timeout %v, grace %v, %d workers)", o.GFLOP, o.Rate, o.Queue, o.Timeout, o.Grace, o.Workers)
	}
	if err := publish.CheckOrigins(o.Origins); err != nil {
		return o, fmt.Errorf("apiserver: %w", err)
	}
	return o, nil
}

// Limits of a request in bytes. The API needs little more than the URL.
const (
	maxHeader = 32 << 10
	maxBody   = 4 << 10
)

// Server is a site with its API.
type Server struct {
	http.Handler
	host    *host
	running context.Context // cancelled when computation must stop
	stop    context.CancelCauseFunc
}

// New returns a server. It is an error if o.Dir is not a site, o.Models has no models, or
// o.Gallery is not a gallery's file or cannot be written. The caller must close the server.
func New(o Options) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	var site *publish.Site
	var list models
	if o.Dir != "" {
		site, err = publish.Handler(o.Dir)
	} else {
		list, err = openModels(o.Models)
	}
	if err != nil {
		return nil, err
	}
	var shared httpapi.Gallery
	if o.Gallery != "" {
		if shared, err = openGallery(o.Gallery); err != nil {
			return nil, errors.Join(err, closeSite(site))
		}
	}
	s := &Server{host: newHost(site, o)}
	s.running, s.stop = context.WithCancelCause(context.Background())
	h := s.host
	h.models = list
	e := &httpapi.Service{Host: h, Limits: httpapi.Limits{GFLOP: o.GFLOP}, Build: o.Build, Gallery: shared}
	allowed := func(next http.Handler) http.Handler { return publish.AllowOrigins(o.Origins, next) }
	api := allowed(compressed(s.withTimeout(o.Timeout, newRates(o.Rate).limit(e.Handler()))))
	m := newMeter(h)
	mux := http.NewServeMux()
	mux.Handle("/api/", m.measure("api", api))
	if site != nil {
		mux.Handle("/", m.measure("site", allowed(site)))
		mux.Handle("/s/", m.measure("shared", api))
		mux.Handle("/gallery", m.measure("gallery", api))
	}
	mux.HandleFunc("GET /metrics", m.serve)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte("ok\n"))
	})
	s.Handler = withClientAddress(o.Client, logRequests(o.Log, http.MaxBytesHandler(mux, maxBody)))
	return s, nil
}

// Close stops running computations and closes the site's folder.
func (s *Server) Close() error {
	s.stop(httpapi.ErrEnding)
	return closeSite(s.host.site)
}

func closeSite(site *publish.Site) error {
	if site == nil {
		return nil
	}
	return site.Close()
}

// Run serves on addr as publish.Run does. When ctx ends, waiting requests are rejected, and
// the running request has o.Grace to finish. After that it is stopped, and its client gets
// an error.
func Run(ctx context.Context, o Options, addr string, ready func(url string)) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	s, err := New(o)
	if err != nil {
		return err
	}
	defer s.Close()
	server := &http.Server{
		Handler: s, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	server.RegisterOnShutdown(func() {
		s.host.close()
		time.AfterFunc(o.Grace, func() { s.stop(httpapi.ErrEnding) })
	})
	return publish.Run(ctx, server, addr, o.Grace+5*time.Second, ready)
}

// withTimeout cancels requests after limit and when the server closes. It also sets a write
// deadline, for clients that do not read.
func (s *Server) withTimeout(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		ctx, end := context.WithCancelCause(ctx)
		defer context.AfterFunc(s.running, func() { end(httpapi.ErrEnding) })()
		deadline := time.Now().Add(limit + 10*time.Second)
		http.NewResponseController(w).SetWriteDeadline(deadline) // fails for httptest.ResponseRecorder, which has no deadline
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
