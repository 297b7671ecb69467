//go:build !js

package main_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"tweedie/core/engine"
)

// wide is a model large enough for tensor parallelism.
const wide = `{"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 16, 16], "classes": ["a", "b"], "null_class": 2, "defaults": {"sampler": "dpmpp2m", "steps": 3, "guidance": 1.5},
	"unet": {"sample_size": 16, "in_channels": 1, "out_channels": 1, "block_out_channels": [64, 64],
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "layers_per_block": 1,
		"norm_num_groups": 4, "norm_eps": 1e-5, "attention_head_dim": 16, "flip_sin_to_cos": true, "freq_shift": 0, "num_class_embeds": 3}}`

// pages are the site's pages by how workers share the computation of one image. WebKitGTK has
// no shared memory, even on isolated pages.
var pages = func() map[string]string {
	if engineName() == "webkit" {
		return map[string]string{"guidance": "/isolated.html"}
	}
	return map[string]string{"channels": "/isolated.html", "guidance": "/"}
}()

// trace defines names for the tests' scripts: ready is the set of workers with a model, calls
// the list of messages to workers, and whole(model) waits until all workers of a model are ready.
const trace = `
	const calls = [], ready = new Set()
	globalThis.Worker = class extends Worker {
		constructor(...options) {
			super(...options)
			this.addEventListener('message', ({ data }) => data.value?.info && ready.add(this))
		}
		postMessage(message, transfer) {
			calls.push(message.help ? 'help' : message.call)
			super.postMessage(message, transfer)
		}
		terminate() {
			ready.delete(this)
			super.terminate()
		}
	}
	const whole = async (model) => {
		const x = new Float32Array(model.info.shape.reduce((a, b) => a * b))
		await Promise.all(Array.from({ length: model.info.workers }, () => model.forward(x, [0], model.info.classes.length > 0 ? [0] : null)))
		while (ready.size < model.info.workers) await new Promise((resolve) => setTimeout(resolve, 5))
	}
`

// TestTogether checks that one image computed by several workers has the bytes of the native
// engine, however they share the computation.
func TestTogether(t *testing.T) {
	f := newModel(t, "wide", wide)
	image := engine.Picture{Height: 16, Width: 16, Channels: 1, Data: make([]uint8, 256)}
	mask := engine.Picture{Height: 16, Width: 16, Channels: 1, Data: make([]uint8, 256)}
	x := make([]float32, 256)
	for i := range 256 {
		image.Data[i], mask.Data[i], x[i] = uint8(i), uint8(255*(i%2)), float32(i)/128-1
	}
	painted, err := f.engine.Inpaint(context.Background(), engine.Request{Seed: 3}, image, mask, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.engine.Forward(context.Background(), x, []float32{0.25}, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	var bits []byte
	for _, v := range raw {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(v))
	}
	want := []string{
		f.sum(t, `{"seed": 1}`), f.sum(t, `{"seed": 2, "guidance": 1}`), f.sum(t, `{"seed": 3, "n": 3}`), painted.SHA256(), engine.Digest(bits),
	}
	for sharing, address := range pages {
		t.Run(sharing, func(t *testing.T) {
			p := openAt(t, address)
			f.put(p.site, "wide")
			var got []struct {
				Sharing     string
				Sums, Calls []string
			}
			p.run(t, &got, trace+`
				const hash = async (x) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', x)), (b) => b.toString(16).padStart(2, '0')).join('')
				const mask = Uint8Array.from({ length: 256 }, (_, i) => 255 * (i %% 2))
				const out = []
				for (const workers of [1, 2, 4]) {
					const model = await load('/models/wide.json', { workers })
					await whole(model)
					calls.length = 0
					out.push({ Sharing: model.info.sharing, Sums: [
						(await model.sample({ seed: 1 })).sha256,
						(await model.sample({ seed: 2, guidance: 1 })).sha256,
						(await model.sample({ seed: 3, n: 3 })).sha256,
						(await model.inpaint({ seed: 3, image: Uint8Array.from({ length: 256 }, (_, i) => i), mask })).sha256,
						await hash(await model.forward(Float32Array.from({ length: 256 }, (_, i) => i / 128 - 1), [0.25], [1])),
					], Calls: calls.filter((call) => call !== 'check') })
					model.close()
				}
				return out`)
			for i, workers := range []int{1, 2, 4} {
				for k, sum := range got[i].Sums {
					if sum != want[k] {
						t.Errorf("%d workers, call %d: got %s, want %s", workers, k, sum, want[k])
					}
				}
				helps := map[string]int{}
				for _, call := range got[i].Calls {
					helps[call]++
				}
				wantSharing, wantJoin, wantFollow, wantHelp := sharing, 0, 0, 0
				switch {
				case workers == 1:
					wantSharing = "none"
				case sharing == "channels" && workers == 2: // two workers split a guided pair
					wantJoin, wantFollow, wantHelp = 2, 2, 2
				case sharing == "channels": // three images are fewer than four workers
					wantJoin, wantFollow = 4, 5*3
				default:
					wantHelp = 2 // the two guided calls of one image
				}
				if got[i].Sharing != wantSharing || helps["join"] != wantJoin || helps["follow"] != wantFollow || helps["help"] < wantHelp {
					t.Errorf("%d workers: sharing %q, workers were asked for %v; want %q, %d join, %d follow, %d help",
						workers, got[i].Sharing, helps, wantSharing, wantJoin, wantFollow, wantHelp)
				}
			}
		})
	}
}

// TestTogetherEnds cancels calls that workers share and crashes a worker during them. The call
// rejects with an error message, and the model still gives the right images.
func TestTogetherEnds(t *testing.T) {
	f := newModel(t, "wide", wide)
	for sharing, address := range pages {
		t.Run(sharing, func(t *testing.T) {
			guidance := 1.5
			if sharing == "channels" { // two workers would split a guided pair
				guidance = 1
			}
			want := f.sum(t, fmt.Sprintf(`{"seed": 5, "guidance": %g}`, guidance))
			p := openAt(t, address)
			f.put(p.site, "wide")
			var got []string
			p.run(t, &got, trace+`
				const guidance = %g
				const model = await load('/models/wide.json', { workers: 2 })
				await whole(model)
				const out = []
				for (const wait of [0, 5, 50, 200]) {
					const control = new AbortController()
					const long = words(model.sample({ guidance, steps: 5000, signal: control.signal }))
					setTimeout(() => control.abort(), wait)
					out.push(await long, (await model.sample({ seed: 5, guidance })).sha256)
				}
				out.push(await words(model.forward(new Float32Array(256), [0], [7])), (await model.sample({ seed: 5, guidance })).sha256)
				for (const which of [1, 0]) {
					await whole(model)
					const crashing = [...ready][which]
					let steps = 0
					const call = words(model.sample({ guidance, steps: 5000, onStep: () => {
						if (++steps === 3) crashing.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }))
					} }))
					out.push(await call, (await model.sample({ seed: 5, guidance })).sha256)
				}
				await whole(model)
				const running = words(model.sample({ guidance, steps: 5000 }))
				await new Promise((resolve) => setTimeout(resolve, 30))
				model.close()
				out.push(await running)
				return out`, guidance)
			const abort, crash = "AbortError: tweedie: the call was cancelled", "Error: tweedie: the worker stopped (out of memory)"
			wanted := []string{abort, want, abort, want, abort, want, abort, want,
				"Error: engine: y[0] must be a class from 0 to 2 (got 7)", want, crash, want, crash, want, "Error: tweedie: the model is closed"}
			for i := range wanted {
				if i >= len(got) || got[i] != wanted[i] {
					t.Fatalf("answer %d:\ngot  %q\nwant %q", i, got, wanted)
				}
			}
		})
	}
}
