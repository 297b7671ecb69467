//go:build !js

package main_test

import (
	"strings"
	"testing"

	"tweedie/core/engine"
)

// experiments are requests to the digits' model whose bytes must be the same in every
// browser and natively: the default sampler on one image, a sheet and a split batch, and
// one sampler of each kind, deterministic, ancestral, of the original chain and of steps
// that adapt.
var experiments = []string{
	`{"n": 1, "seed": 11}`,
	`{"n": 4, "seed": 12, "class": 3, "steps": 10}`,
	`{"n": 16, "seed": 13, "steps": 4}`,
	`{"n": 2, "seed": 14, "sampler": "heun", "steps": 4}`,
	`{"n": 2, "seed": 15, "sampler": "ddim", "steps": 8, "eta": 0.5}`,
	`{"n": 2, "seed": 16, "sampler": "unipc", "steps": 5}`,
	`{"n": 2, "seed": 17, "sampler": "euler-ancestral", "steps": 8}`,
	`{"n": 2, "seed": 18, "sampler": "ddpm", "steps": 8}`,
	`{"n": 1, "seed": 19, "sampler": "rk45", "rtol": 0.05, "atol": 0.05}`,
	`{"n": 1, "seed": 20, "sampler": "adaptive-sde", "rtol": 0.2, "atol": 0.05}`,
}

// TestExperiments draws digits with the model that the site ships.
func TestExperiments(t *testing.T) {
	f := openFile(t, "../../weights/models/mnist.json")
	p := open(t)
	f.put(p.site, "mnist")
	var got []string
	p.run(t, &got, `
		const model = await load('/models/mnist.json', { workers: 2 })
		const sums = []
		for (const request of %s) sums.push((await model.sample(JSON.parse(request))).sha256)
		model.close()
		return sums`, script(experiments))
	for i, request := range experiments {
		if want := f.sum(t, request); got[i] != want {
			t.Errorf("%s: got %s, want %s", request, got[i], want)
		}
	}
}

// TestInpaintPage takes an image of the page's own into the editor, masks two pixels with
// the keyboard, repaints them, and comes back: both modes draw what the native engine draws.
func TestInpaintPage(t *testing.T) {
	f := newModel(t, "colour", colour)
	p := openPage(t, f, "colour", "#class=green&n=1&sampler=euler&steps=4&guidance=1.5&seed=5&keep=1")
	var got struct{ First, Mode, Facts, Painted, Hash, Back, Again string }
	p.run(t, &got, settled+`
		const first = $('sha256').dataset.sha256
		$('sheet').querySelector('.tile-actions button').click()
		const mode = document.body.dataset.mode
		const canvas = document.querySelector('#inpaint canvas[role=application]')
		const press = (key) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
		for (const key of ['[', '[', '[', '[', ' ', ' ', 'ArrowRight', ' ']) press(key)
		const facts = $('source-facts').textContent
		const painted = await generate()
		const hash = location.hash
		$('tab-generate').click()
		return { first, mode, facts, painted, hash, back: document.body.dataset.mode, again: await generate() }`)
	drawn := f.drawn(t, `{"class": "green", "sampler": "euler", "steps": 4, "guidance": 1.5, "seed": 5}`)
	if got.First != drawn.SHA256() || got.Again != drawn.SHA256() || got.Back != "generate" {
		t.Errorf("generated %s, and %s in mode %q; want %s", got.First, got.Again, got.Back, drawn.SHA256())
	}
	r, err := engine.ParseRequest([]byte(`{"n": 3, "class": "green", "sampler": "euler", "steps": 4, "guidance": 1.5, "seed": 5, "resample": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	mask := engine.Picture{Height: 8, Width: 8, Channels: 1, Data: make([]uint8, 64)}
	mask.Data[4*8+4], mask.Data[4*8+5] = 255, 255
	want, err := f.engine.Inpaint(t.Context(), r, engine.Picture{Height: 8, Width: 8, Channels: 3, Data: drawn.Pixels}, mask, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Painted != want.SHA256() || got.Mode != "inpaint" || !strings.Contains(got.Facts, "Masked2 of 64 pixels") {
		t.Errorf("repainted %s in mode %q with %q; want %s", got.Painted, got.Mode, got.Facts, want.SHA256())
	}
	for _, want := range []string{"mode=inpaint", "variations=3", "resample=1"} {
		if !strings.Contains(got.Hash, want) {
			t.Errorf("the address is %q, want %q in it", got.Hash, want)
		}
	}
}
