//go:build js && wasm

// Command worker is the program of the Worker on Cloudflare: core/httpapi behind
// github.com/syumai/workers. worker.js starts one for every request, and keeps what
// outlives it: weights, pictures and slots.
package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"syscall/js"

	"github.com/syumai/workers"

	"tweedie/core/httpapi"
)

// build names the build that this program belongs to. The linker sets it (-X
// main.build=…).
var build = "dev"

func main() {
	h := host{js.Global().Get("context").Get("host")}
	s := &httpapi.Service{Host: h, Limits: httpapi.Limits{GFLOP: h.limit()}, Build: build, Gallery: h.gallery()}
	workers.Serve(h.watched(s.Handler()))
}

// watched answers with next, whose context ends when the client disconnects, and then
// tells the host that the request is done.
func (h host) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		gone := js.FuncOf(func(js.Value, []js.Value) any {
			cancel()
			return nil
		})
		h.Set("gone", gone)
		defer func() {
			h.Set("gone", nil)
			gone.Release()
			h.Call("leave")
		}()
		r = r.WithContext(ctx)
		if r.Body == nil { // as github.com/syumai/workers passes a request without one
			r.Body = http.NoBody
		}
		next.ServeHTTP(w, r)
		if ctx.Err() != nil {
			fmt.Println("worker: stopped, for the client has gone:", r.URL.Path)
		}
	})
}

// limit returns the configured limit of a request's work.
func (h host) limit() int64 {
	if n, err := strconv.ParseInt(h.Get("gflop").String(), 10, 32); err == nil && n >= 0 {
		return n
	}
	return httpapi.DefaultGFLOP
}
