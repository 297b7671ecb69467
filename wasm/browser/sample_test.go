//go:build !js

package main_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/sampler"
)

// answer is what a script returns of a Result.
type answer struct {
	SHA256 string `json:"sha256"`
	NFE    int    `json:"nfe"`
	Images int    `json:"images"`
}

// TestSameBytes checks that for every sampler the browser, with a batch split over two
// workers, gives the bytes of the native engine.
func TestSameBytes(t *testing.T) {
	p := open(t)
	for name, config := range map[string]string{"colour": colour, "gray": gray} {
		f := newModel(t, name, config)
		f.put(p.site, name)
		requests := []string{`{"n": 1}`, `{"n": 3, "first": 4, "seed": "18446744073709551615"}`, `{"n": 5, "sampler": "ddim", "eta": 1}`, `{"n": 3, "size": "16x8"}`, `{"n": 1, "size": [8, 16]}`, `{"n": 1, "size": 8}`}
		for i, m := range sampler.Methods {
			if testing.Short() && i%6 != 0 {
				continue
			}
			requests = append(requests, fmt.Sprintf(`{"n": 5, "seed": 7, "sampler": %q, "steps": 4}`, m.Name))
		}
		if name == "colour" {
			requests = append(requests, `{"n": 4, "class": ["blue", 0, "none"], "guidance": 3}`, `{"n": 2, "guidance": 0}`)
		} else {
			requests = append(requests, `{"n": 2, "schedule": "trailing"}`)
		}
		var got []answer
		p.run(t, &got, `
			const model = await load('/models/%s.json', { workers: 2 })
			const answers = []
			for (const request of %s) {
				const r = await model.sample({ seed: 0, ...JSON.parse(request) })
				answers.push({ sha256: r.sha256, nfe: r.nfe, images: r.images.length })
			}
			model.close()
			return answers`, name, script(requests))
		for i, request := range requests {
			r, err := engine.ParseRequest([]byte(request))
			if err != nil {
				t.Fatal(err)
			}
			want, err := f.engine.Sample(context.Background(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if w := (answer{want.SHA256(), want.Plan.NFE, *r.N}); got[i] != w {
				t.Errorf("%s %s:\ngot  %+v\nwant %+v", name, request, got[i], w)
			}
		}
	}
}

// TestInpaintSameBytes paints with pictures given as bytes and as ImageData, of
// a model in colour and one in gray.
func TestInpaintSameBytes(t *testing.T) {
	p := open(t)
	for name, config := range map[string]string{"colour": colour, "gray": gray} {
		f := newModel(t, name, config)
		f.put(p.site, name)
		channels := f.engine.Info().Shape[0]
		image := engine.Picture{Height: 8, Width: 8, Channels: channels, Data: make([]uint8, 64*channels)}
		mask := engine.Picture{Height: 8, Width: 8, Channels: 1, Data: make([]uint8, 64)}
		for i := range 64 {
			for c := range channels {
				image.Data[i*channels+c] = uint8(i * 4)
			}
			mask.Data[i] = uint8(255 * (i % 2))
		}
		const request = `{"n": 3, "seed": 3, "sampler": "ddpm", "resample": 2, "jump": 2}`
		var got []string
		p.run(t, &got, `
			const model = await load('/models/%s.json', { workers: 2 })
			const bytes = Uint8Array.from({ length: 64 * %d }, (_, i) => 4 * Math.floor(i / %[2]d))
			const mask = Uint8Array.from({ length: 64 }, (_, i) => 255 * (i %% 2))
			const drawn = (value) => new ImageData(Uint8ClampedArray.from({ length: 256 }, (_, i) => i %% 4 === 3 ? 255 : value(i >> 2)), 8, 8)
			const options = %s
			const a = await model.inpaint({ image: bytes, mask, ...options })
			const b = await model.inpaint({ image: drawn((i) => 4 * i), mask: drawn((i) => 255 * (i %% 2)), ...options })
			return [a.sha256, b.sha256]`, name, channels, request)
		r, err := engine.ParseRequest([]byte(request))
		if err != nil {
			t.Fatal(err)
		}
		want, err := f.engine.Inpaint(context.Background(), r, image, mask, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, sum := range got {
			if sum != want.SHA256() {
				t.Errorf("%s, given as %s: got %s, want %s", name, []string{"bytes", "ImageData"}[i], sum, want.SHA256())
			}
		}
	}
}

// TestForwardSameBits evaluates the bare network on more images than a worker
// takes at once.
func TestForwardSameBits(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	const n, row = 11, 3 * 8 * 8
	x, times, labels := make([]float32, n*row), make([]float32, n), make([]int, n)
	for i := range x {
		x[i], times[i/row], labels[i/row] = float32(i%255)/128-1, float32(i/row)/4, i/row%4
	}
	want, err := f.engine.Forward(context.Background(), x, times, labels)
	if err != nil {
		t.Fatal(err)
	}
	var bits []byte
	for _, v := range want {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(v))
	}
	var got string
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 2 })
		const x = Float32Array.from({ length: %d }, (_, i) => i %% 255 / 128 - 1)
		const out = await model.forward(x, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((i) => i / 4), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2])
		return Array.from(new Uint8Array(out.buffer), (b) => b.toString(16).padStart(2, '0')).join('')`, n*row)
	if got != hex.EncodeToString(bits) {
		t.Errorf("other bits:\ngot  %.64s\nwant %.64s", got, hex.EncodeToString(bits))
	}
}

// TestProgress runs a batch of more parts than workers. Progress never falls and ends at the
// total, previews have every image, and the last one is not blank.
func TestProgress(t *testing.T) {
	p := open(t)
	newModel(t, "colour", colour).put(p.site, "colour")
	var got struct {
		Steps    []int     `json:"steps"`
		Progress []float64 `json:"progress"`
		Counts   []int     `json:"counts"`
		Blank    []int     `json:"blank"`
		Loads    []string  `json:"loads"`
	}
	p.run(t, &got, `
		const out = { steps: [], progress: [], counts: [], blank: [], loads: [] }
		const model = await load('/models/colour.json', { workers: 2, onProgress: ({ phase, bytes, total }) => out.loads.push(phase + ' ' + bytes / total) })
		await model.sample({ n: 20, steps: 6, onStep({ step, steps, progress, preview }) {
			if (steps !== 6) throw new Error('steps ' + steps)
			const images = preview()
			out.steps.push(step)
			out.progress.push(progress)
			out.counts.push(images.filter((image) => image.width === 8 && image.height === 8).length)
			out.blank.push(images.filter((image) => image.data[3] === 0).length)
		} })
		return out`)
	for i, progress := range got.Progress {
		if i > 0 && (progress < got.Progress[i-1] || got.Steps[i] < got.Steps[i-1]) {
			t.Errorf("progress falls: %v, %v", got.Progress, got.Steps)
		}
		if got.Counts[i] != 20 {
			t.Errorf("preview %d has %d images, want 20", i, got.Counts[i])
		}
	}
	last := len(got.Progress) - 1
	if last < 6*5-1 || got.Progress[last] < 0.999 || got.Steps[last] != 6 || got.Blank[last] != 0 || got.Blank[0] == 0 {
		t.Errorf("%d steps end at %v (step %v) with %v blank, began with %v", last+1, got.Progress[last], got.Steps[last], got.Blank[last], got.Blank[0])
	}
	if n := len(got.Loads); n < 4 || got.Loads[0] != "download 0" || got.Loads[n-3] != "download 1" || got.Loads[n-2] != "program 1" || got.Loads[n-1] != "start 1" {
		t.Errorf("loading told %q", got.Loads)
	}
}

// TestLargeSeed: a seed that a JavaScript number cannot hold is a bigint or a text.
func TestLargeSeed(t *testing.T) {
	f := newModel(t, "colour", colour)
	p := open(t)
	f.put(p.site, "colour")
	for _, seed := range []string{"9007199254740991", "9007199254740993", "18446744073709551615"} {
		var got [2]string
		p.run(t, &got, `
			const model = await load('/models/colour.json', { workers: 1 })
			const sums = [(await model.sample({ seed: %[1]sn })).sha256, (await model.sample({ seed: '%[1]s' })).sha256]
			model.close()
			return sums`, seed)
		if want := f.sum(t, `{"seed": "`+seed+`"}`); got != [2]string{want, want} {
			t.Errorf("seed %s: got %v, want %s", seed, got, want)
		}
	}
}
