//go:build js && wasm

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall/js"
	"time"

	"tweedie/core/engine"
	"tweedie/core/httpapi"
	"tweedie/core/model"
	"tweedie/weights"
)

// host is the host that worker.js gives to a program: class Host in host.js.
type host struct{ js.Value }

// options make the engine save memory, which is scarcer here than time: weights stay
// quantized, and few images are evaluated at once.
var options = engine.Options{Chunk: 4, Workers: 1, Compact: 1}

// File implements httpapi.Host.
func (h host) File(_ context.Context, name string) ([]byte, http.Header, error) {
	v, err := await(h.Call("file", name))
	if err != nil {
		return nil, nil, err
	}
	switch status := v.Get("status").Int(); status {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil, fmt.Errorf("worker: file %q of the site: %w", name, fs.ErrNotExist)
	default:
		return nil, nil, fmt.Errorf("worker: file %q of the site: status must be 200 (got %d)", name, status)
	}
	return bytesOf(v.Get("body")), headerOf(v.Get("headers")), nil
}

// Engine implements httpapi.Host. worker.js has given this request the only slot for
// computing already.
func (h host) Engine(_ context.Context, m *httpapi.Model, t *httpapi.Timing) (*engine.Engine, func(), error) {
	if n := m.Manifest.RawBytes(); n > maxRaw {
		return nil, nil, &httpapi.Problem{
			Status: http.StatusUnprocessableEntity, Parameter: "model", Limit: &httpapi.Limit{Name: "memory", Found: float64(n), Most: maxRaw},
			Detail: fmt.Sprintf("model: its weights are %d bytes, and a Worker has memory for %d: draw with it in the page", n, maxRaw),
		}
	}
	file, err := h.weights(m.Manifest, t)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	e, err := engine.Open(file, options)
	t.Took(httpapi.PartUnpack, time.Since(began))
	if err == nil && m.Guide != nil {
		err = h.setClassifier(e, m.Guide.Manifest, t)
	}
	return e, func() {}, err
}

// setClassifier gives an engine the classifier of a manifest.
func (h host) setClassifier(e *engine.Engine, m *weights.Manifest, t *httpapi.Timing) error {
	file, err := h.weights(m, t)
	if err != nil {
		return err
	}
	defer func(began time.Time) { t.Took(httpapi.PartUnpack, time.Since(began)) }(time.Now())
	c, err := model.Open(file)
	if err != nil {
		return err
	}
	return e.SetClassifier(c)
}

// weights returns the file of a manifest, whose shards worker.js keeps.
func (h host) weights(m *weights.Manifest, t *httpapi.Timing) (*weights.File, error) {
	shards := make([]any, len(m.Shards))
	for i, s := range m.Shards {
		shards[i] = map[string]any{"file": s.File, "bytes": s.Bytes, "sha256": s.SHA256}
	}
	kept, err := await(h.Call("shards", shards))
	if err != nil {
		return nil, err
	}
	began, copying := time.Now(), time.Duration(0)
	file, err := m.DecodeFrom(func(i int) ([]byte, [sha256.Size]byte) {
		began := time.Now()
		shard := kept.Index(i)
		data, sum := bytesOf(shard.Get("data")), [sha256.Size]byte(bytesOf(shard.Get("sum")))
		copying += time.Since(began)
		return data, sum
	})
	t.Took(httpapi.PartCopy, copying)
	t.Took(httpapi.PartUnpack, time.Since(began)-copying)
	return file, err
}

// maxRaw is the most bytes of weights for which two programs fit into the 128 MB of a
// Worker: one that has ended may not be collected yet. A program takes some 7 times the
// bytes of int8 weights, and 12 times those of float16.
const maxRaw = 5 << 20

// Kept implements httpapi.Host.
func (h host) Kept(_ context.Context, address string) []byte {
	v, err := await(h.Call("kept", address))
	if err != nil || v.IsNull() {
		return nil // the picture is drawn again
	}
	return bytesOf(v)
}

// Keep implements httpapi.Host.
func (h host) Keep(_ context.Context, address string, picture []byte, header http.Header) {
	headers := map[string]any{}
	for name, values := range header {
		headers[name] = values[0]
	}
	h.Call("keep", address, jsBytes(picture), headers)
}

// Yield implements httpapi.Host: a timer lets the event loop run.
func (h host) Yield() {
	time.Sleep(time.Nanosecond)
	h.Call("beat")
}

// await returns the value of a promise. The error has the message of its rejection.
func await(promise js.Value) (js.Value, error) {
	type settled struct {
		value js.Value
		err   error
	}
	result := make(chan settled, 1)
	resolved := js.FuncOf(func(_ js.Value, args []js.Value) any {
		result <- settled{value: args[0]}
		return nil
	})
	defer resolved.Release()
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		result <- settled{err: errors.New("worker: " + args[0].Call("toString").String())}
		return nil
	})
	defer rejected.Release()
	promise.Call("then", resolved, rejected)
	r := <-result
	return r.value, r.err
}

// bytesOf returns a copy of a Uint8Array.
func bytesOf(v js.Value) []byte {
	out := make([]byte, v.Length())
	js.CopyBytesToGo(out, v)
	return out
}

// jsBytes returns a Uint8Array of its own buffer.
func jsBytes(b []byte) js.Value {
	out := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(out, b)
	return out
}

// headerOf reads an array of names and values.
func headerOf(v js.Value) http.Header {
	h := http.Header{}
	for i := range v.Length() {
		h.Add(v.Index(i).Index(0).String(), v.Index(i).Index(1).String())
	}
	return h
}
