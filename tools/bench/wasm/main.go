//go:build js && wasm

// Command wasm profiles an evaluation in the browser, with the same code as tweedie bench
// --ops; page.js runs it. The global bench contains the model's manifest and shards. The
// program calls bench.done with the report as JSON, or bench.failed.
package main

import (
	"encoding/json"
	"syscall/js"
	"time"

	"tweedie/core/model"
	"tweedie/tools/internal/profile"
	"tweedie/weights"
)

func main() {
	bench := js.Global().Get("bench")
	text, err := report(bench)
	if err != nil {
		bench.Call("failed", err.Error())
		return
	}
	bench.Call("done", text)
}

// report profiles the model of bench for a second.
func report(bench js.Value) (string, error) {
	manifest, err := weights.ParseManifest([]byte(bench.Get("manifest").String()))
	if err != nil {
		return "", err
	}
	shards := make([][]byte, bench.Get("shards").Length())
	for i := range shards {
		from := bench.Get("shards").Index(i)
		shards[i] = make([]byte, from.Length())
		js.CopyBytesToGo(shards[i], from)
	}
	file, err := manifest.Decode(shards)
	if err != nil {
		return "", err
	}
	m, err := model.Open(file)
	if err != nil {
		return "", err
	}
	r, err := profile.Measure(m, profile.Options{Time: time.Second})
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(r)
	return string(out), err
}
