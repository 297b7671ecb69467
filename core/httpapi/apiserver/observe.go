package apiserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// countingWriter is a response writer that records the status and the number of bytes.
type countingWriter struct {
	http.ResponseWriter
	status int // 0 before the header is written
	bytes  int
}

func (c *countingWriter) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *countingWriter) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += n
	return n, err
}

// Unwrap supports http.ResponseController.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// statusGone is the logged status of a request whose client disconnected before the
// response.
const statusGone = 499

// outcome returns the status of a finished request.
func (c *countingWriter) outcome(r *http.Request) int {
	switch {
	case c.status == 0 && r.Context().Err() != nil:
		return statusGone
	case c.status == 0:
		return http.StatusOK
	}
	return c.status
}

// logRequests logs one line per request.
func logRequests(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, began := &countingWriter{ResponseWriter: w}, time.Now()
		defer func() {
			level := slog.LevelInfo
			if c.status >= 500 {
				level = slog.LevelError
			}
			log.LogAttrs(r.Context(), level, "request",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("query", r.URL.RawQuery),
				slog.Int("status", c.outcome(r)), slog.Int("bytes", c.bytes), slog.String("cache", c.Header().Get("Cache-Status")),
				slog.Float64("seconds", time.Since(began).Seconds()), slog.String("client", clientOf(r.RemoteAddr)))
		}()
		next.ServeHTTP(c, r)
	})
}

// meter holds the metrics of a server.
type meter struct{ set *metrics.Set }

func newMeter(h *host) *meter {
	m := &meter{metrics.NewSet()}
	m.set.NewGauge("tweedie_requests_waiting", func() float64 { return float64(h.queued()) })
	m.set.NewGauge("tweedie_requests_computing", func() float64 { return float64(len(h.slot)) })
	m.set.NewGauge("tweedie_pictures_kept", func() float64 { return float64(h.pictures.Len()) })
	return m
}

// measure counts the responses of a part of the server by status, and pictures by cache
// status, and records the time of each request.
func (m *meter) measure(part string, next http.Handler) http.Handler {
	seconds := m.set.NewSummary(fmt.Sprintf("tweedie_http_request_seconds{part=%q}", part))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, began := &countingWriter{ResponseWriter: w}, time.Now()
		next.ServeHTTP(c, r)
		seconds.UpdateDuration(began)
		m.set.GetOrCreateCounter(fmt.Sprintf("tweedie_http_requests_total{part=%q,status=%q}", part, strconv.Itoa(c.outcome(r)))).Inc()
		if cache := c.Header().Get("Cache-Status"); cache != "" {
			m.set.GetOrCreateCounter(fmt.Sprintf("tweedie_pictures_total{cache=%q}", cache)).Inc()
		}
	})
}

// serve writes the metrics of the server and of the process.
func (m *meter) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	m.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}
