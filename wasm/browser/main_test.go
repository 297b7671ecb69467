//go:build !js

// The tests of the page's program drive it in a browser, through the JavaScript
// module, and compare it with the native engine: in Chromium, or in Firefox or WebKitGTK
// if TWEEDIE_BROWSER is firefox or webkit. They build the program themselves and serve it
// with a Content-Security-Policy as strict as the page's, from two pages: one without
// cross-origin isolation, which it must not need, and one with.
package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tweedie/site/bundle"
)

// testBuild is the build id of the program under test.
const testBuild = "test"

// policy is the page's Content-Security-Policy, without the parts for styles and images.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"

// site is what the tests' server serves, by path; a test adds files of its own.
type site struct {
	sync.Mutex
	files   map[string][]byte
	held    map[string]chan struct{} // closed when the second half of a file may follow
	answers []chan []byte            // of scripts, by their number
	server  *httptest.Server
}

// hold serves half of a file, and the rest when a page requests /release.
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
	if strings.HasPrefix(r.URL.Path, "/answer/") {
		s.answered(r)
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/page/") { // which has its own policy
		w.Header().Set("Content-Security-Policy", policy)
	}
	w.Header().Set("Cache-Control", "no-store")
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

// build compiles a program for the page, with tags.
func build(program, id string, tags ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tweedie-wasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "tweedie.wasm")
	cmd := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.build="+id, "-o", out, program)
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
	for name, p := range map[string]struct{ folder, tag string }{
		"tweedie": {".", ""}, "tweedie-likelihood": {".", "likelihood"}, "tweedie-pictures": {"../pictures", ""},
	} {
		program, err := build(p.folder, testBuild, p.tag)
		if err != nil {
			return nil, err
		}
		s.put("/"+name+".wasm", program)
		s.put("/page/"+name+".wasm", program)
	}
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
	s.server = httptest.NewServer(s)
	return s, nil
}

// sites is the site, and browsers the browser, that all tests of the binary share.
var (
	sites    = sync.OnceValues(newSite)
	browsers = sync.OnceValues(startBrowser)
)

// closers stop what the tests started, in reverse order.
var closers []func()

func TestMain(m *testing.M) {
	status := m.Run()
	for _, end := range slices.Backward(closers) {
		end()
	}
	os.Exit(status)
}

// page is a tab with one of the site's pages.
type page struct {
	site *site
	tab  tab
}

// open opens a tab with an empty page, which closes with the test.
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
	b, err := browsers()
	if err != nil {
		t.Fatal(err)
	}
	tab, err := b.open(s.server.URL + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.close)
	return page{s, tab}
}

// prelude is in scope of every script: load, and words, which turns a promise
// into the name and message of its error, or "fine".
const prelude = `
	const { load } = await import('/tweedie.js')
	const words = (promise) => promise.then(() => 'fine', (error) => error.name + ': ' + error.message)
`

// patience is the time after which a script counts as hung and its test fails.
const patience = 10 * time.Minute

// run evaluates the body of an async function and decodes what it returns. The body
// becomes a module of the site, because the policy forbids eval, and posts its result to the
// server.
func (p page) run(t testing.TB, result any, body string, args ...any) {
	t.Helper()
	name, answer := p.site.ask(fmt.Sprintf(body, args...))
	if err := p.tab.eval(fmt.Sprintf(`
		const script = document.createElement('script')
		script.type = 'module'
		script.src = %q
		document.head.append(script)`, name)); err != nil {
		t.Fatalf("%v\nin %s", err, body)
	}
	var got struct {
		Value json.RawMessage
		Error string
	}
	select {
	case data := <-answer:
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
	case <-time.After(patience):
		t.Fatalf("no result after %v of %s", patience, body)
	}
	if got.Error != "" {
		t.Fatalf("%s\nin %s", got.Error, body)
	}
	if err := json.Unmarshal(got.Value, result); err != nil {
		t.Fatalf("%v in %s", err, got.Value)
	}
}

// ask puts a script on the site and returns its address and a channel for its result.
func (s *site) ask(body string) (string, <-chan []byte) {
	answer := make(chan []byte, 1)
	s.Lock()
	defer s.Unlock()
	id := len(s.answers)
	s.answers = append(s.answers, answer)
	name := fmt.Sprintf("/run/%d.js", id)
	s.files[name] = fmt.Appendf(nil, `
		const answer = (value) => fetch('/answer/%d', { method: 'POST', body: JSON.stringify(value) })
		const test = async () => {%s
		%s
		}
		test().then((value) => answer({ value: value ?? null }), (error) => answer({ error: String(error) + '\n' + (error?.stack ?? '') }))`, id, prelude, body)
	return name, answer
}

// answered receives the result of a script and passes it to the channel that ask returned.
func (s *site) answered(r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id, err := strconv.Atoi(path.Base(r.URL.Path))
	s.Lock()
	defer s.Unlock()
	if err == nil && id < len(s.answers) {
		s.answers[id] <- data
	}
}

// script formats a value as JavaScript.
func script(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
