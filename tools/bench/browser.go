package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium and the server whose pages it opens.
type browser struct {
	ctx    context.Context
	server *httptest.Server
	stops  []func()
	folder map[string]string // folders that are served, by the first element of the path

	mu        sync.Mutex
	requested []string // files that were served since the last tab was opened
}

// openBrowser starts the server and a headless Chromium.
func (r *environment) openBrowser(ctx context.Context) (*browser, error) {
	b := &browser{folder: map[string]string{
		"dist": filepath.Join(r.work, "dist"), "node_modules": filepath.Join(r.work, "node_modules"), "work": r.work, "bench": source,
	}}
	b.server = httptest.NewServer(b)
	b.stops = append(b.stops, b.server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(r.chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	b.stops = append(b.stops, stop)
	b.ctx, stop = chromedp.NewContext(ctx)
	b.stops = append(b.stops, stop)
	return b, chromedp.Do(b.ctx)
}

// close stops both.
func (b *browser) close() {
	for _, stop := range slices.Backward(b.stops) {
		stop()
	}
}

var types = map[string]string{
	".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm",
}

// ServeHTTP serves files, isolated from other origins, because wasm has no threads without
// isolation. If the tab measures memory, scripts of workers measure it too.
func (b *browser) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	h := w.Header()
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cache-Control", "no-store")
	name := path.Clean(q.URL.Path)
	if name == "/" {
		h.Set("Content-Type", types[".html"])
		fmt.Fprint(w, "<!doctype html><title>bench</title>")
		return
	}
	first, rest, _ := strings.Cut(name[1:], "/")
	file := filepath.Join(b.folder[first], rest)
	data, err := os.ReadFile(file)
	if b.folder[first] == "" || err != nil {
		http.NotFound(w, q)
		return
	}
	b.mu.Lock()
	b.requested = append(b.requested, file)
	counting := slices.Contains(b.requested, filepath.Join(source, "memory.js"))
	b.mu.Unlock()
	h.Set("Content-Type", types[path.Ext(name)])
	if counting && q.Header.Get("Sec-Fetch-Dest") == "worker" {
		fmt.Fprintln(w, "import '/bench/memory.js'")
	}
	w.Write(data)
}

// loaded returns the files that were served to the current tab, each once.
func (b *browser) loaded() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.requested)
	return slices.Compact(slices.Clone(b.requested))
}

// tab is an empty page with the functions of page.js as bench.
type tab struct {
	ctx   context.Context
	close func()
}

// open opens a tab. There is only one at a time, so that it is always in the foreground.
func (b *browser) open() (*tab, error) {
	b.mu.Lock()
	b.requested = nil
	b.mu.Unlock()
	t := &tab{}
	t.ctx, t.close = chromedp.NewContext(b.ctx)
	if err := chromedp.Do(t.ctx, chromedp.Navigate(b.server.URL+"/")); err != nil {
		t.close()
		return nil, err
	}
	if err := t.run(nil, `if (!crossOriginIsolated) throw new Error('the page is not isolated')`); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// run evaluates the body of an async function and decodes its result.
func (t *tab) run(result any, body string, args ...any) error {
	script := fmt.Sprintf("(async () => {const bench = await import('/bench/page.js')\n%s\nreturn null})()", fmt.Sprintf(body, args...))
	data, err := chromedp.Run(t.ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if err != nil {
		return fmt.Errorf("in Chromium: %w", err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(data, result)
}

// side creates a side by its function in page.js. It returns it as a participant, and a
// function that returns its output.
func (t *tab) side(maker, file, network string, batch, threads int) (turn participant, output func() ([]float32, error), err error) {
	name := fmt.Sprintf("globalThis[%q]", maker+file)
	err = t.run(nil, `%s = await bench.%s(%q, %q, %d, %d)`, name, maker, file, network, batch, threads)
	turn = func(_ context.Context, least time.Duration) (times []float64, err error) {
		return times, t.run(&times, `return bench.turn(%s, %d)`, name, least.Milliseconds())
	}
	output = func() (numbers []float32, err error) {
		return numbers, t.run(&numbers, `return Array.from(await %s.run())`, name)
	}
	return turn, output, err
}
