//go:build !js

package main_test

import (
	"context"
	"testing"

	"tweedie/core/engine"
)

// sum returns the SHA-256 that the native engine gives for a request.
func (f *modelFile) sum(t testing.TB, request string) string {
	t.Helper()
	r, err := engine.ParseRequest([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.engine.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.SHA256()
}

// TestCancel aborts calls before, while and after they wait and run. The call rejects with an
// AbortError, a call that waits behind it is unaffected, and the model still gives the right
// images.
func TestCancel(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	want := f.sum(t, `{"n": 3, "seed": 5}`)
	var got []string
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 1 })
		const out = []
		out.push(await words(model.sample({ signal: AbortSignal.abort() })))
		for (const wait of [0, 1, 20, 100]) {
			const control = new AbortController()
			const long = words(model.sample({ n: 16, steps: 5000, signal: control.signal }))
			const behind = model.sample({ n: 3, seed: 5 })
			setTimeout(() => control.abort(), wait)
			out.push(await long, (await behind).sha256)
		}
		const control = new AbortController()
		const short = await model.sample({ n: 3, seed: 5, signal: control.signal })
		control.abort()
		out.push(short.sha256)
		const third = new AbortController()
		out.push(await words(model.sample({ n: 4, steps: 5000, signal: third.signal, onStep: ({ step }) => step > 2 && third.abort() })))
		const fourth = new AbortController()
		const raw = words(model.forward(new Float32Array(192 * 5000), new Float32Array(5000), new Int32Array(5000), { signal: fourth.signal }))
		setTimeout(() => fourth.abort(), 30)
		out.push(await raw)
		out.push((await model.sample({ n: 3, seed: 5 })).sha256)
		return out`)
	const abort = "AbortError: tweedie: the call was cancelled"
	wanted := []string{abort, abort, want, abort, want, abort, want, abort, want, want, abort, abort, want}
	for i := range wanted {
		if i >= len(got) || got[i] != wanted[i] {
			t.Fatalf("answer %d:\ngot  %q\nwant %q", i, got, wanted)
		}
	}
}

// TestLoadCancel aborts a load; a second one is unaffected.
func TestLoadCancel(t *testing.T) {
	p := open(t)
	newModel(t, "colour", colour).put(p.site, "colour")
	var got []string
	p.run(t, &got, `
		const control = new AbortController()
		const first = words(load('/models/colour.json', { signal: control.signal }))
		const second = words(load('/models/colour.json'))
		control.abort()
		return [await first, await second]`)
	if got[0] != "AbortError: tweedie: the call was cancelled" || got[1] != "fine" {
		t.Errorf("got %q", got)
	}
}

// TestOverlap runs more calls at once than there are workers.
func TestOverlap(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	var got []string
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 3 })
		const calls = [1, 2, 3, 4, 5].map((seed) => model.sample({ n: 7, seed }))
		return (await Promise.all(calls)).map((r) => r.sha256)`)
	for i, request := range []string{`{"n":7,"seed":1}`, `{"n":7,"seed":2}`, `{"n":7,"seed":3}`, `{"n":7,"seed":4}`, `{"n":7,"seed":5}`} {
		if want := f.sum(t, request); got[i] != want {
			t.Errorf("%s: got %s, want %s", request, got[i], want)
		}
	}
}

// TestCrash ends workers during calls, as a browser that runs out of memory does. The call
// rejects with an error message, and the next call gets a new worker.
func TestCrash(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	var got []string
	p.run(t, &got, `
		const made = []
		globalThis.Worker = class extends Worker {
			constructor(...options) {
				super(...options)
				made.push(this)
			}
		}
		const model = await load('/models/colour.json', { workers: 2 })
		const out = []
		for (const n of [1, 6]) {
			const crash = words(model.sample({ n, steps: 500, onStep: () => {
				for (const worker of made) worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))
			} }))
			out.push(await crash, (await model.sample({ n: 3, seed: 5 })).sha256)
		}
		model.close()
		out.push(await words(model.sample()), await words(model.forward(new Float32Array(192), [0], [0])))
		return out`)
	crash, closed, want := "Error: tweedie: the worker stopped (out of memory)", "Error: tweedie: the model is closed", f.sum(t, `{"n": 3, "seed": 5}`)
	wanted := []string{crash, want, crash, want, closed, closed}
	for i := range wanted {
		if got[i] != wanted[i] {
			t.Errorf("answer %d:\ngot  %q\nwant %q", i, got[i], wanted[i])
		}
	}
}

// TestClose closes a model while calls run and wait.
func TestClose(t *testing.T) {
	p := open(t)
	newModel(t, "colour", colour).put(p.site, "colour")
	var got []string
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 1 })
		const running = words(model.sample({ n: 2, steps: 5000 }))
		const waiting = words(model.sample({ n: 2 }))
		await new Promise((resolve) => setTimeout(resolve, 30))
		model.close()
		model.close()
		return [await running, await waiting]`)
	for _, words := range got {
		if words != "Error: tweedie: the model is closed" {
			t.Errorf("got %q", got)
		}
	}
}
