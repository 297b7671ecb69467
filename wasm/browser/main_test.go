//go:build !js

// The tests of the page's program drive it in Chromium, through the JavaScript
// module, and compare it with the native engine. They build the program
// themselves and serve it with a Content-Security-Policy as strict as the
// page's, from two pages: one without cross-origin isolation, which it must not
// need, and one with.
package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tweedie/site/bundle"
)

// testBuild is the build id of the program under test.
const testBuild = "test"

// policy is the page's, without what only its looks need.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"

// site is what the tests' server serves, by path; a test adds files of its own.
type site struct {
	sync.Mutex
	files  map[string][]byte
	held   map[string]chan struct{} // closed when the second half of a file may follow
	server *httptest.Server
}

// hold has half of a file served, and the rest when a page asks for /release.
func (s *site) hold(name string) {
	s.Lock()
	defer s.Unlock()
	s.held[name] = make(chan struct{})
}

func (s *site) release() {
	s.Lock()
	defer s.Unlock()
	for name, held := range s.held {
		close(held)
		delete(s.held, name)
	}
}

func (s *site) put(name string, data []byte) {
	s.Lock()
	defer s.Unlock()
	s.files[name] = data
}

func (s *site) remove(name string) {
	s.Lock()
	defer s.Unlock()
	delete(s.files, name)
}

var types = map[string]string{".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	data, ok := s.files[r.URL.Path]
	held := s.held[r.URL.Path]
	s.Unlock()
	if r.URL.Path == "/release" {
		s.release()
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/page/") { // which has a policy of its own
		w.Header().Set("Content-Security-Policy", policy)
	}
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Path != "/" { // workers of an isolated page need it too
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", types[path.Ext(r.URL.Path)])
	if held != nil {
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		<-held
		data = data[len(data)/2:]
	}
	w.Write(data)
}

// build compiles the program for the page, with tags.
func build(id string, tags ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tweedie-wasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "tweedie.wasm")
	cmd := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.build="+id, "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return os.ReadFile(out)
}

// newSite builds the program and starts a server with it and the scripts.
func newSite() (*site, error) {
	const empty = "<!doctype html><title>test</title>"
	s := &site{files: map[string][]byte{"/": []byte(empty), "/isolated.html": []byte(empty)}, held: map[string]chan struct{}{}}
	program, err := build(testBuild)
	if err != nil {
		return nil, err
	}
	s.put("/tweedie.wasm", program)
	if program, err = build(testBuild, "likelihood"); err != nil {
		return nil, err
	}
	s.put("/tweedie-likelihood.wasm", program)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	scripts, err := bundle.Files(bundle.Sources{Site: "../../site", WasmExec: filepath.Join(strings.TrimSpace(string(root)), "lib/wasm/wasm_exec.js"), Build: testBuild})
	if err != nil {
		return nil, err
	}
	for name, data := range scripts {
		s.put("/page/"+name, data)
		s.put("/"+name, data)
	}
	s.put("/page/tweedie.wasm", s.files["/tweedie.wasm"])
	s.put("/page/tweedie-likelihood.wasm", s.files["/tweedie-likelihood.wasm"])
	s.server = httptest.NewServer(s)
	return s, nil
}

// sites is the one site of this test binary, and browser its one Chromium: a
// context in which each test opens a tab.
var sites = sync.OnceValues(newSite)

var browser = sync.OnceValues(func() (context.Context, error) {
	program, err := findChromium()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	closers = append(closers, stopBrowser, stopAllocator)
	return ctx, chromedp.Do(ctx)
})

// closers end what the tests started.
var closers []func()

// findChromium returns the browser to drive. There is no way around it: a test of
// the page that does not run would say nothing.
func findChromium() (string, error) {
	if name := os.Getenv("TWEEDIE_CHROMIUM"); name != "" {
		return name, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: install the Debian package chromium, or name a browser in TWEEDIE_CHROMIUM")
}

func TestMain(m *testing.M) {
	status := m.Run()
	for _, end := range closers {
		end()
	}
	os.Exit(status)
}

// page is a tab with the test's empty page.
type page struct {
	site *site
	ctx  context.Context
}

// open opens a tab, which closes with the test.
func open(t testing.TB) page {
	t.Helper()
	return openAt(t, "/")
}

// openAt is open for one of the site's pages.
func openAt(t testing.TB, name string) page {
	t.Helper()
	s, err := sites()
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.server.URL+name)); err != nil {
		t.Fatal(err)
	}
	return page{s, ctx}
}

// prelude is in scope of every script: load, and words, which turns a promise
// into the name and message of its error, or "fine".
const prelude = `
	const { load } = await import('/tweedie.js')
	const words = (promise) => promise.then(() => 'fine', (error) => error.name + ': ' + error.message)
`

// run evaluates the body of an async function and decodes what it returns.
func (p page) run(t testing.TB, result any, body string, args ...any) {
	t.Helper()
	script := fmt.Sprintf("(async () => {%s\n%s\n})()", prelude, fmt.Sprintf(body, args...))
	data, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if err != nil {
		t.Fatalf("%v\nin %s", err, body)
	}
	if err := json.Unmarshal(data, result); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}

// script writes a value as JavaScript.
func script(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
