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

// Options say what to serve, and how much of it. Either Dir or Models must be set;
// the other fields may be left out.
type Options struct {
	Dir     string        // a site, as tweedie site makes it
	Models  fs.FS         // models to serve without a site: NAME.json with shards beside it
	Build   string        // build id of this program, by which pictures are kept
	GFLOP   int64         // 10⁹ additions and multiplications of one request; 0 means 160
	Rate    int           // requests to compute, a client and minute; 0 means any number
	Queue   int           // requests that may wait for their turn to compute; 0 means 64
	Timeout time.Duration // of one request to the API, its waiting counted; 0 means two minutes
	Grace   time.Duration // that a run has to come to its end when the server does; 0 stops it at once
	Workers int           // threads that compute; 0 means all
	Client  string        // header in which a proxy in front says the client's address; "" means that there is none
	Gallery string        // file of shared experiments; "" means that there is no gallery
	Log     *slog.Logger  // a line for each request; nil means none
}

// complete returns o with its zeros filled in. The error names a value that is out of
// range.
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
	return o, nil
}

// What a browser sends to an API that takes little but addresses.
const (
	maxHeader = 32 << 10
	maxBody   = 4 << 10
)

// Server is a site with its API.
type Server struct {
	http.Handler
	host    *host
	running context.Context // ends when no request may compute any more
	stop    context.CancelCauseFunc
}

// New returns the server of a site. The error says that there is none at o.Dir, or that
// o.Gallery cannot be a gallery's file. The caller closes it.
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
	api := s.inTime(o.Timeout, newRates(o.Rate).limit(e.Handler()))
	m := newMeter(h)
	mux := http.NewServeMux()
	mux.Handle("/api/", m.measured("api", api))
	if site != nil {
		mux.Handle("/", m.measured("site", site))
		mux.Handle("/s/", m.measured("shared", api))
		mux.Handle("/gallery", m.measured("gallery", api))
	}
	mux.HandleFunc("GET /metrics", m.serve)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Write([]byte("ok\n"))
	})
	s.Handler = known(o.Client, logged(o.Log, http.MaxBytesHandler(mux, maxBody)))
	return s, nil
}

// Close stops what computes and releases the site's folder.
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

// Run answers requests on addr as publish.Run does. When ctx ends, who waits for a turn is
// turned away, and a run under way has o.Grace to come to its end; then it is stopped,
// and its client told.
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

// inTime ends requests after a time, or with the server, and connections of clients
// that do not read.
func (s *Server) inTime(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		ctx, end := context.WithCancelCause(ctx)
		defer context.AfterFunc(s.running, func() { end(httpapi.ErrEnding) })()
		deadline := time.Now().Add(limit + 10*time.Second)
		http.NewResponseController(w).SetWriteDeadline(deadline) // a recorder of a test has none
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
