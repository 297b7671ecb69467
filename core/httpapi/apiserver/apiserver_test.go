package apiserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tweedie/site/publish"
)

// digits is the folder of the models of the tests.
const digits = "../../../weights/models"

// site builds a site of an empty page, the digits model and its classifier, without compressed
// copies.
var site = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tweedie-service-")
	if err != nil {
		return "", err
	}
	const html = "<!doctype html>\n<html><head><meta charset=\"utf-8\">\n<meta content=\"base-uri 'none'\"></head>\n<body data-model=\"models/mnist.json\"></body></html>\n"
	assets := filepath.Join(dir, "page")
	if err := os.Mkdir(assets, 0o777); err != nil {
		return "", err
	}
	for name, text := range map[string]string{"index.html": html, "tweedie.js": "", "worker.js": "", "tweedie.wasm": "", "tweedie-likelihood.wasm": "", "tweedie-pictures.wasm": "", "build-id": "test"} {
		if err := os.WriteFile(filepath.Join(assets, name), []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	out := filepath.Join(dir, "dist")
	_, err = publish.Build(context.Background(), publish.Options{Page: assets, Models: []string{filepath.Join(digits, "mnist.json"), filepath.Join(digits, "mnist-classifier.json")}, Out: out, Plain: true})
	return out, err
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := site(); err == nil {
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(status)
}

// buffer is a log that several goroutines may write.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// options returns the options of a test server.
func options(t testing.TB, log io.Writer) Options {
	t.Helper()
	dir, err := site()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Dir: dir, Build: "test", GFLOP: 100, Rate: 1000, Queue: 32, Timeout: time.Hour, Workers: 1,
		Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
}

// listen starts a server with httptest and returns its URL.
func listen(t testing.TB, o Options) string {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		s.Close()
	})
	return server.URL
}

func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func TestRoutes(t *testing.T) {
	var log buffer
	url := listen(t, options(t, &log))
	for _, c := range []struct{ path, kind, body string }{
		{"/", "text/html; charset=utf-8", "<!doctype html>"},
		{"/api/models", "application/json", `"name":"mnist"`},
		{"/api/models/mnist", "application/json", `"gflop":100`},
		{"/api/sample.png?steps=1&n=2", "image/png", "\x89PNG"},
		{"/api/sample.png?steps=1&n=2", "image/png", "\x89PNG"},
		{"/api/stream?steps=2", "text/event-stream", "event: done"},
		{"/s/seed=3", "text/html; charset=utf-8", `og:image" content="` + url + "/api/sample.png?"},
		{"/healthz", "text/plain; charset=utf-8", "ok\n"},
	} {
		r, body := get(t, url+c.path)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.body) {
			t.Errorf("%s: status %d, type %q, %.300q", c.path, r.StatusCode, r.Header.Get("Content-Type"), body)
		}
	}
	_, metrics := get(t, url+"/metrics")
	for _, want := range []string{
		`tweedie_http_requests_total{part="api",status="200"} 5`, `tweedie_http_requests_total{part="shared",status="200"} 1`,
		`tweedie_pictures_total{cache="tweedie; hit"} 1`, "tweedie_requests_waiting 0", "tweedie_pictures_kept 2",
		`tweedie_http_request_seconds_count{part="api"} 5`, "process_resident_memory_bytes",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics have no %s:\n%s", want, metrics)
		}
	}
	lines := strings.Split(strings.TrimSpace(log.text()), "\n")
	var line struct {
		Level, Msg, Method, Path, Query, Cache, Client string
		Status, Bytes                                  int
	}
	if err := json.Unmarshal([]byte(lines[4]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Msg != "request" || line.Level != "INFO" || line.Path != "/api/sample.png" || line.Query != "steps=1&n=2" || line.Status != 200 || line.Bytes < 100 || line.Cache != "tweedie; hit" || line.Client != "127.0.0.1" {
		t.Errorf("logged %s", lines[4])
	}
}

// TestGuided checks that requests with and without a classifier do not affect each other.
func TestGuided(t *testing.T) {
	url := listen(t, options(t, io.Discard)) + "/api/sample.png?class=3&guidance=0&n=1&steps=2"
	draw := func(more string) string {
		r, body := get(t, url+more)
		if r.StatusCode != 200 {
			t.Fatalf("%s: status %d, %s", more, r.StatusCode, body)
		}
		return body
	}
	plain, guided := draw("&seed=1"), draw("&seed=1&classifier_guidance=4")
	if plain == guided {
		t.Error("the classifier changes nothing")
	}
	url = listen(t, options(t, io.Discard)) + "/api/sample.png?class=3&guidance=0&n=1&steps=2" // a new server with an empty cache
	if draw("&seed=1&classifier_guidance=4") != guided || draw("&seed=1") != plain {
		t.Error("the pictures depend on the order of the requests")
	}
}

// TestConcurrency checks that 20 concurrent requests get the same pictures as sequential ones.
func TestConcurrency(t *testing.T) {
	url := listen(t, options(t, io.Discard))
	var wait sync.WaitGroup
	got := make([]string, 20)
	for i := range got {
		wait.Go(func() { _, got[i] = get(t, fmt.Sprintf("%s/api/sample.png?steps=1&seed=%d", url, i)) })
	}
	wait.Wait()
	fresh, seen := listen(t, options(t, io.Discard)), map[string]bool{}
	for i, picture := range got {
		if _, want := get(t, fmt.Sprintf("%s/api/sample.png?steps=1&seed=%d", fresh, i)); picture != want || seen[picture] {
			t.Errorf("picture %d differs from that of a sequential request, or equals that of another request", i)
		}
		seen[picture] = true
	}
}

// TestQueue checks that a request is rejected when the queue is full, and that a client that
// disconnects while it waits or computes frees its place.
func TestQueue(t *testing.T) {
	var log buffer
	o := options(t, &log)
	o.Queue, o.GFLOP = 1, 1e6
	url := listen(t, o)
	ctx, leave := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for seed := range 2 {
		wait.Go(func() {
			r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/api/sample.png?n=16&steps=1000&seed=%d", url, seed), nil)
			if err == nil {
				_, err = http.DefaultClient.Do(r)
			}
			if err == nil {
				t.Error("a run of minutes has finished")
			}
		})
	}
	until(t, "one request computes and one waits", func() bool {
		_, metrics := get(t, url+"/metrics")
		return strings.Contains(metrics, "tweedie_requests_waiting 1") && strings.Contains(metrics, "tweedie_requests_computing 1")
	})
	r, body := get(t, url+"/api/sample.png?steps=1")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") != "10" || !strings.Contains(body, "waiting") {
		t.Errorf("status %d, Retry-After %q, %s", r.StatusCode, r.Header.Get("Retry-After"), body)
	}
	leave()
	wait.Wait()
	until(t, "requests are accepted again", func() bool {
		r, _ := get(t, url+"/api/sample.png?steps=1")
		return r.StatusCode == 200
	})
	until(t, "both are logged with status 499", func() bool { return strings.Count(log.text(), `"status":499`) == 2 })
}

// until waits some minutes for ok to return true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 60_000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("gave up waiting until %s", what)
}

func TestTimeout(t *testing.T) {
	o := options(t, io.Discard)
	o.GFLOP, o.Timeout = 1e6, 200*time.Millisecond
	url := listen(t, o)
	if r, body := get(t, url+"/api/sample.png?n=16&steps=1000"); r.StatusCode != 503 || !strings.Contains(body, "took too long") {
		t.Errorf("status %d, %s", r.StatusCode, body)
	}
	if _, body := get(t, url+"/api/stream?n=16&steps=1000"); !strings.Contains(body, "event: error") || !strings.Contains(body, `"status":503`) {
		t.Errorf("the stream said %.200q", body)
	}
}

func TestRateLimit(t *testing.T) {
	o := options(t, io.Discard)
	o.Rate = 3
	url := listen(t, o)
	r, body := get(t, url+"/api/sample.png?steps=0")
	taken := 0
	for ; r.StatusCode == 400 && taken < 1000; taken++ {
		r, body = get(t, url+"/api/sample.png?steps=0")
	}
	after, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if taken < 3 || r.StatusCode != 429 || r.Header.Get("Content-Type") != "application/problem+json" || err != nil || after < 1 || after > 20 {
		t.Errorf("after %d requests: status %d, Retry-After %q, %s", taken, r.StatusCode, r.Header.Get("Retry-After"), body)
	}
	if r, _ := get(t, url+"/api/models"); r.StatusCode != 200 {
		t.Errorf("a request that computes nothing: status %d", r.StatusCode)
	}
}

func TestClientOf(t *testing.T) {
	for remote, want := range map[string]string{
		"10.1.2.3:80": "10.1.2.3", "[::ffff:10.1.2.3]:80": "10.1.2.3", "[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "pipe": "pipe",
	} {
		if got := clientOf(remote); got != want {
			t.Errorf("%s: got %s, want %s", remote, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	url := listen(t, options(t, io.Discard))
	r, err := http.Post(url+"/api/models", "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 405 {
		t.Errorf("POST: status %d, want 405", r.StatusCode)
	}
}

// TestRunShutsDown checks that at shutdown the running request finishes, or is stopped after
// the grace period, that the waiting request is rejected, and that Run returns.
func TestRunShutsDown(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps int // of the running request
		grace time.Duration
		end   string // what the running stream ends with
	}{
		{"in time", 20, time.Hour, "event: done"},
		{"stopped", 1000, 100 * time.Millisecond, "shutting down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for ; ; c.steps *= 4 { // more, if it ended before the shutdown
				waiting, end := shutDown(t, c.grace, c.steps)
				if strings.HasPrefix(waiting, "200") && c.steps < 5000 {
					continue
				}
				if waiting != "503 Service Unavailable 10" {
					t.Errorf("the waiting request: %s", waiting)
				}
				if !strings.Contains(end, c.end) {
					t.Errorf("the running stream: %.200q", end[max(0, len(end)-200):])
				}
				return
			}
		})
	}
}

// shutDown ends a server while one request of so many steps runs and another waits. It returns
// the status of the waiting one and what the other printed.
func shutDown(t *testing.T, grace time.Duration, steps int) (waits, end string) {
	t.Helper()
	o := options(t, io.Discard)
	o.Grace, o.GFLOP = grace, 1e6
	ctx, cancel := context.WithCancel(t.Context())
	urls, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- Run(ctx, o, "127.0.0.1:0", func(url string) { urls <- url }) }()
	url := <-urls
	first, err := http.Get(fmt.Sprintf("%sapi/stream?steps=%d&n=16", url, steps))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	stream := bufio.NewReader(first.Body)
	for line := ""; line != "event: step\n"; { // it is computing
		if line, err = stream.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	waiting := make(chan string, 1)
	go func() {
		r, err := http.Get(url + "api/sample.png?steps=20&n=16&seed=5")
		if err != nil {
			waiting <- err.Error()
			return
		}
		defer r.Body.Close()
		waiting <- strings.TrimSpace(r.Status + " " + r.Header.Get("Retry-After"))
	}()
	until(t, "one request waits, or both have ended", func() bool {
		_, metrics := get(t, url+"metrics")
		return strings.Contains(metrics, "tweedie_requests_waiting 1") || len(waiting) > 0
	})
	cancel()
	waits = <-waiting
	body, err := io.ReadAll(stream)
	if err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("still serving after 5 minutes")
	}
	return waits, string(body)
}

// TestClientHeader checks that each client behind a proxy has its own rate limit, and that
// addresses that a client writes into the header itself are ignored.
func TestClientHeader(t *testing.T) {
	var log buffer
	o := options(t, &log)
	o.Rate, o.Client = 1, "X-Forwarded-For"
	url := listen(t, o)
	for i, c := range []struct {
		header string
		status int
	}{{"10.0.0.1", 400}, {"10.0.0.2", 400}, {"10.9.9.9, 10.0.0.1", 429}, {"10.0.0.2", 429}, {"nobody", 400}, {"nobody else", 429}} {
		r, err := http.NewRequest("GET", url+"/api/sample.png?steps=0", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", c.header)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != c.status {
			t.Errorf("request %d of %q: status %d, want %d", i, c.header, a.StatusCode, c.status)
		}
	}
	if text := log.text(); strings.Count(text, `"client":"10.0.0.1"`) != 2 || strings.Count(text, `"client":"127.0.0.1"`) != 2 {
		t.Errorf("logged %s", text)
	}
}

func TestNewNeedsASite(t *testing.T) {
	o := options(t, io.Discard)
	o.Dir = t.TempDir()
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "not a site that tweedie site made") {
		t.Errorf("got %v", err)
	}
}
