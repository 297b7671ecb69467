//go:build !js

package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/modeltest"
)

// TestBadCalls checks that every invalid call is rejected with an error that names the
// problem, and that the model still gives the right images afterwards.
func TestBadCalls(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	calls := []struct{ name, call, want string }{
		{"no steps", `sample({ steps: 0 })`, "Error: steps must be a whole number from 1 to 10000 (got 0)"},
		{"what an error names", `sample({ steps: 0 }).catch((error) => { throw new Error([error.field, error.got, error.want].join()) })`, "Error: steps,0,a whole number from 1 to 10000"},
		{"half a step", `sample({ steps: 1.5 })`, "Error: steps must be a whole number from 1 to 10000 (got 1.5)"},
		{"NaN guidance", `sample({ guidance: NaN })`, "RangeError: tweedie: guidance must be a finite number (got NaN)"},
		{"a classifier that is not there", `sample({ classifier_guidance: 2 })`, "Error: classifier_guidance must be 0: no classifier is set for the model (got 2)"},
		{"no classifier", `classify('/models/colour.json')`, `Error: engine: classifier: arch must be "classifier" (got "unet2d")`},
		{"negative guidance", `sample({ guidance: -1 })`, "Error: guidance must be a number of at least 0 (got -1)"},
		{"infinite eta", `sample({ sampler: 'ddim', eta: 1 / 0 })`, "RangeError: tweedie: eta must be a finite number (got Infinity)"},
		{"class out of range", `sample({ class: 3 })`, `Error: class must be one of red, green or blue (got "3")`},
		{"class in a list", `sample({ class: [0, 'mauve'] })`, `Error: class must be one of red, green or blue (got "mauve")`},
		{"class NaN", `sample({ class: [NaN] })`, "RangeError: tweedie: class must be a finite number (got NaN)"},
		{"no images", `sample({ n: 0 })`, "Error: n must be a whole number from 1 to 1048576 (got 0)"},
		{"too many images", `sample({ n: 1e12 })`, "Error: n must be a whole number from 1 to 1048576 (got 1000000000000)"},
		{"unknown sampler", `sample({ sampler: 'magic' })`,
			`Error: sampler must be one of dpmpp2m, ddim, ddpm, ddpm-large, heun, euler, unipc, unipc-noise, dpmpp-multistep, res-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, dpm-fast, dpm-adaptive, dpm2, deis, lms, ipndm, pndm, gradient-estimation, rk45, euler-ancestral, dpm2-ancestral, sde-dpmpp, dpmpp3m-sde, sa-solver, er-sde, restart, sde-dpmpp-singlestep, sde-dpm, adaptive-sde, pc, annealed-langevin, flow-euler, flow-heun, consistency, lcm, tcd, ddpm-learned or ddpm-analytic (got "magic")`},
		{"unknown field", `sample({ stepz: 3 })`, "Error: stepz must be left out: there is no such setting; the settings are n, first, seed, class, sampler, steps, eta, guidance, classifier_guidance, size, order, bh, solver_type, lower_order_final, s_churn, s_tmin, s_tmax, s_noise, restarts, restart_steps, restart_tmin, restart_tmax, gamma, tau, predictor, corrector, corrector_steps, snr, epsilon, rtol, atol, brownian, schedule, sigma_max, sigma_min, rho, shift, guidance_sigma_min, guidance_sigma_max, guidance_rescale, threshold, percentile, threshold_max, resample and jump"},
		{"a function", `sample({ steps: () => 3 })`, "TypeError: tweedie: steps must be a number or a string (got function)"},
		{"a bigint", `sample({ steps: 3n })`, "TypeError: tweedie: steps must be a number or a string (got bigint)"},
		{"a list of lists", `sample({ class: [[0]] })`, "TypeError: tweedie: class must be a number or a string (got object)"},
		{"negative seed", `sample({ seed: -1 })`, "Error: seed must be a whole number from 0 to 18446744073709551615 (got -1)"},
		{"a seed that a number cannot hold", `sample({ seed: 2 ** 53 + 1 })`, "RangeError: tweedie: seed must be at most 9007199254740991 as a number: write a larger one as a bigint or in quotes (got 9007199254740992)"},
		{"the same of a plan", `plan({ seed: 2 ** 53 })`, "RangeError: tweedie: seed must be at most 9007199254740991 as a number: write a larger one as a bigint or in quotes (got 9007199254740992)"},
		{"bigint that is too large", `sample({ seed: 2n ** 64n })`, "Error: seed must be a whole number from 0 to 18446744073709551615 (got \"18446744073709551616\")"},
		{"negative bigint", `sample({ seed: -1n })`, "Error: seed must be a whole number from 0 to 18446744073709551615 (got \"-1\")"},
		{"seed of text", `sample({ seed: 'x' })`, `Error: seed must be a whole number from 0 to 18446744073709551615 (got "x")`},
		{"resampling nothing", `sample({ resample: 2 })`, "Error: resample must be left out: only inpainting takes it (got 2)"},
		{"no image", `inpaint({ mask: new Uint8Array(64) })`, "TypeError: tweedie: image must be ImageData or a Uint8Array (got undefined)"},
		{"image of another size", `inpaint({ image: new ImageData(9, 7), mask: new ImageData(8, 8) })`,
			"Error: engine: image must be 8×8×3 (height, width, channels; got 7×9×3)"},
		{"image of too few bytes", `inpaint({ image: new Uint8Array(64), mask: new Uint8Array(64) })`,
			"Error: engine: image must have 192 bytes for 8×8×3 (height, width, channels; got 64 bytes)"},
		{"mask of another size", `inpaint({ image: new ImageData(8, 8), mask: new ImageData(16, 8) })`,
			"Error: engine: mask must be 8×8×1 (height, width, channels; got 8×16×1)"},
		{"mask of nothing", `inpaint({ image: new ImageData(8, 8), mask: new ImageData(8, 8) })`,
			"Error: edit: mask: at least one of the 8×8 pixels must be above 0, to be repainted (got all 0)"},
		{"no arguments", `sample(null)`, "TypeError: …"},
		{"no numbers", `forward([1], [1])`, "TypeError: tweedie: x must be a Float32Array (got object)"},
		{"too few numbers", `forward(new Float32Array(9), [1])`, "Error: engine: x must have 192 numbers, 3×8×8 (channels, height, width) for each of 1 times (got 9)"},
		{"no times", `forward(new Float32Array(0), [])`, "Error: engine: t must have one time for each image (got none)"},
		{"too few labels", `forward(new Float32Array(192), [1], [])`, "Error: engine: y must have 1 classes, one for each time (got 0)"},
		{"label out of range", `forward(new Float32Array(192), [1], [4])`, "Error: engine: y[0] must be a class from 0 to 3 (got 4)"},
		{"onStep that throws", `sample({ onStep() { throw new TypeError('mine') } })`, "TypeError: mine"},
	}
	var code strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&code, "out.push([await words(model.%s), (await model.sample({ seed: 5 })).sha256])\n", c.call)
	}
	var got [][2]string
	p.run(t, &got, "const model = await load('/models/colour.json', { workers: 2 })\nconst out = []\n%s\nreturn out", code.String())
	r, err := engine.ParseRequest([]byte(`{"seed": 5}`))
	if err != nil {
		t.Fatal(err)
	}
	after, err := f.engine.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			start, rest := strings.CutSuffix(c.want, "…") // the rest is the browser's own message
			if got[i][0] != c.want && !(rest && strings.HasPrefix(got[i][0], start)) {
				t.Errorf("got  %s\nwant %s", got[i][0], c.want)
			}
			if got[i][1] != after.SHA256() {
				t.Errorf("afterwards the model draws %s, want %s", got[i][1], after.SHA256())
			}
		})
	}
}

// TestBadModels checks the errors for model files that do not match their manifest, and for
// program files of different builds.
func TestBadModels(t *testing.T) {
	p := open(t)
	f := newModel(t, "bad", colour)
	f.put(p.site, "bad")
	shard := "/models/" + f.parsed.Shards[0].File
	url := p.site.server.URL
	flipped := append([]byte{}, f.shards[0]...)
	flipped[len(flipped)/2] ^= 1
	manifest := func(old, new string) []byte {
		return modeltest.Summed([]byte(strings.Replace(string(f.manifest), old, new, 1)))
	}
	for _, c := range []struct {
		name, path string
		data       []byte // nil: the file is missing
		want       string // a part of the message
	}{
		{"missing manifest", "/models/bad.json", nil, "tweedie: " + url + "/models/bad.json: HTTP 404 Not Found"},
		{"manifest that is no JSON", "/models/bad.json", []byte("<!doctype html>"), "weights: corrupt model file: manifest"},
		{"manifest of another format", "/models/bad.json", []byte("{}"), "weights: corrupt model file: manifest: format, a string, is missing"},
		{"manifest that leads elsewhere", "/models/bad.json", manifest(`"file": "bad`, `"file": "../bad`), "weights: corrupt model file: manifest: shards[0]: file \"../bad"},
		{"manifest of a later version", "/models/bad.json", manifest(`"version": 3`, `"version": 1000`), "weights: "},
		{"unknown architecture", "/models/bad.json", manifest(`"arch": "unet2d"`, `"arch": "dit"`), `model: invalid model configuration: arch must be "unet2d"`},
		{"missing shard", shard, nil, "tweedie: " + url + shard + ": HTTP 404 Not Found"},
		{"truncated shard", shard, f.shards[0][:len(f.shards[0])-1], "weights: corrupt model file"},
		{"shard with more behind it", shard, append(append([]byte{}, f.shards[0]...), 0), "weights: corrupt model file"},
		{"flipped bit", shard, flipped, "weights: corrupt model file"},
		{"missing program", "/tweedie.wasm", nil, "tweedie: " + url + "/tweedie.wasm: HTTP 404 Not Found"},
		{"program that is none", "/tweedie.wasm", []byte("nonsense"), "tweedie: " + url + "/tweedie.wasm: "},
		{"program of another build", "/worker.js", []byte(strings.Replace(string(p.site.files["/worker.js"]), `"`+testBuild+`"`, `"old"`, 1)),
			"tweedie: worker.js is of build old, tweedie.js of build test: clear the cache and reload"},
		{"missing worker", "/worker.js", nil, "tweedie: the worker stopped (worker.js could not be loaded)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t)
			before := p.site.files[c.path]
			defer p.site.put(c.path, before)
			if c.data == nil {
				p.site.remove(c.path)
			} else {
				p.site.put(c.path, c.data)
			}
			var got string
			p.run(t, &got, "return words(load('/models/bad.json'))")
			if !strings.HasPrefix(got, "Error: "+c.want) || strings.Contains(got, "\n") || len(got) > 400 {
				t.Errorf("got  %s\nwant Error: %s…", got, c.want)
			}
			// The same page opens the model once its files are restored.
			p.site.put(c.path, before)
			p.run(t, &got, "return words(load('/models/bad.json'))")
			if got != "fine" {
				t.Errorf("afterwards: got %s, want fine", got)
			}
		})
	}
}

// TestInfo checks the info of a model in the page.
func TestInfo(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	var got map[string]any
	p.run(t, &got, "return (await load('/models/colour.json', { workers: 3 })).info")
	want := map[string]any{}
	text, err := json.Marshal(f.engine.Info())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want["workers"], want["sharing"] = 3.0, "guidance"
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestWorkerWords sends a worker messages that the module never sends. A bug of the program
// reaches the page as an error message without a stack trace, even if it ends the program.
func TestWorkerWords(t *testing.T) {
	p := open(t)
	var got []string
	p.run(t, &got, `
		const worker = new Worker('/worker.js', { type: 'module' })
		const module = await WebAssembly.compileStreaming(fetch('/tweedie.wasm'))
		const answer = (message) => new Promise((resolve) => {
			worker.onmessage = ({ data }) => resolve(data.crashed ?? data.error ?? 'fine')
			worker.postMessage({ id: 1, ...message })
		})
		return [
			await answer({ call: 'sample', request: '{}' }),
			await answer({ call: 'start', build: '%s', module }),
			await answer({ call: 'sample', request: '{}' }),
			await answer({ call: 'dance' }),
			await answer({ call: 'digest', bytes: 'text' }),
			await answer({ call: 'digest', bytes: new Uint8Array(3) }),
			await answer({ call: 'digest', bytes: { length: 4.29e9 } }),
		]`, testBuild)
	want := []string{
		"tweedie: sample: the worker has not started",
		"fine",
		"browser: no model is loaded: call load first",
		"tweedie: unknown call dance",
		"browser: internal error: syscall/js: call of Value.Length on string",
		"fine",
		"tweedie: the worker stopped (fatal error: runtime: cannot allocate memory)",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("answer %d:\ngot  %q\nwant %q", i, got[i], want[i])
		}
	}
}
