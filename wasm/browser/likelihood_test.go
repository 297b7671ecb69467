//go:build !js

package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/likelihood"
)

// ramp is the picture that the tests and their scripts use.
func ramp(channels int) engine.Picture {
	p := engine.Picture{Height: 8, Width: 8, Channels: channels, Data: make([]uint8, 64*channels)}
	for i := range p.Data {
		p.Data[i] = uint8(4 * (i / channels))
	}
	return p
}

// TestLikelihoodSameNumbers checks that the browser, with probes and terms split over two
// workers, gives exactly the numbers of the native engine.
func TestLikelihoodSameNumbers(t *testing.T) {
	for name, config := range map[string]string{"colour": colour, "gray": gray, "listed": listed(t)} {
		p := open(t)
		f := newModel(t, name, config)
		f.put(p.site, name)
		picture := ramp(f.engine.Info().Shape[0])
		var got struct {
			One, Many struct {
				Bits      float64
				Error     *float64
				Estimates []float64
				NFE       int
			}
			Bound struct {
				Bits, Prior   float64
				Terms, Sigmas []float64
				NFE           int
			}
			Progress []float64
			Fetched  []string // before and after
		}
		p.run(t, &got, `
			const model = await load('/models/%s.json', { workers: 2 })
			const image = Uint8Array.from({ length: 64 * %d }, (_, i) => 4 * Math.floor(i / %[2]d))
			const progress = []
			const fetched = () => performance.getEntriesByType('resource').map(({ name }) => name.replace(/.*\//, '')).filter((name) => name.endsWith('.wasm')).join(' ')
			const before = fetched()
			const one = await model.likelihood({ image, steps: 2 })
			const asked = { image, seed: 7, steps: 3, probes: 5, noise: 'gaussian', onProgress: (told) => progress.push(told.progress) }
			const many = await model.likelihood(asked)
			const bound = await model.bound({ image, seed: 7, steps: 9 })
			model.close()
			return { one, many, bound, progress, fetched: [before, fetched()] }`, name, picture.Channels)
		if want := []string{"tweedie.wasm", "tweedie.wasm tweedie-likelihood.wasm"}; !slices.Equal(got.Fetched, want) {
			t.Errorf("%s: fetched %q before a likelihood and after, want %q", name, got.Fetched, want)
		}
		ask := func(d engine.LikelihoodRequest) engine.LikelihoodResult {
			out, err := f.engine.Likelihood(t.Context(), d, picture, nil)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		one, many := ask(engine.LikelihoodRequest{Steps: new(2)}), ask(engine.LikelihoodRequest{Seed: 7, Steps: new(3), Count: new(5), Noise: likelihood.Gaussian})
		mean, off := likelihood.Mean(many.Bits)
		if got.One.Bits != one.Bits[0] || got.One.Error != nil {
			t.Errorf("%s, one probe: got %v, want %v", name, got.One, one)
		}
		if !slices.Equal(got.Many.Estimates, many.Bits) || got.Many.Bits != mean || got.Many.Error == nil || *got.Many.Error != off || got.Many.NFE != many.Evaluations {
			t.Errorf("%s, five probes: got %+v, want %+v: %g ± %g", name, got.Many, many, mean, off)
		}
		bound := ask(engine.LikelihoodRequest{Seed: 7, Steps: new(9), Bound: true})
		if !slices.Equal(got.Bound.Terms, bound.Bits) || !slices.Equal(got.Bound.Sigmas, bound.Sigmas) || got.Bound.Prior != bound.Prior || got.Bound.NFE != 9 {
			t.Errorf("%s, bound: got %+v, want %+v", name, got.Bound, bound)
		}
		if len(got.Progress) != 60 || !slices.IsSorted(got.Progress) || !(got.Progress[59] > 0.999) {
			t.Errorf("%s: 60 evaluations tell of %v", name, got.Progress)
		}
	}
}

// TestLikelihoodErrors checks that the module reports the engine's errors, and that a cancelled
// call rejects and leaves the model usable.
func TestLikelihoodErrors(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	var got []string
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 2 })
		const image = new Uint8Array(192)
		const stop = new AbortController()
		const long = model.likelihood({ image, steps: 10000, probes: 2, signal: stop.signal, onProgress: () => stop.abort() })
		const answers = [
			await words(long),
			await words(model.likelihood({ image: new Uint8Array(5) })),
			await words(model.likelihood({ image, noise: 'sobol' })),
			await words(model.likelihood({ image, probes: 0 })),
			await words(model.bound({ image, steps: 1 })),
			await words(model.likelihood({ image, class: 'blu' })),
			await words(model.bound({ image, colour: 3 })),
			await words(model.likelihood({ image, steps: 1 })),
		]
		model.close()
		return answers`)
	for i, want := range []string{"AbortError", "image must have 192 bytes", `noise must be one of rademacher, gaussian or exact`, "probes must be a whole number of at least 1 (got 0)", "steps must be a whole number from 2 to 10000 for a bound (got 1)", `(got "blu")`, "colour must be left out", "fine"} {
		if !strings.Contains(got[i], want) {
			t.Errorf("got %q, want %q", got[i], want)
		}
	}
}

// TestShippedLikelihood compares likelihoods of the digits model in the browser with native ones.
func TestShippedLikelihood(t *testing.T) {
	p := open(t)
	f := openFile(t, "../../weights/models/mnist.json")
	f.put(p.site, "mnist")
	picture := engine.Picture{Height: 28, Width: 28, Channels: 1, Data: make([]uint8, 784)}
	for i := range picture.Data {
		if picture.Data[i] = 0; i/28 > 3 && i/28 < 24 && i%28 > 12 && i%28 < 16 {
			picture.Data[i] = 254
		}
	}
	var got string
	p.run(t, &got, `
		const model = await load('/models/mnist.json', { workers: 1 })
		const image = Uint8Array.from({ length: 784 }, (_, i) => Math.floor(i / 28) > 3 && Math.floor(i / 28) < 24 && i %% 28 > 12 && i %% 28 < 16 ? 254 : 0)
		const { bits } = await model.likelihood({ image, class: '1', steps: 4 })
		model.close()
		return String(bits)`)
	d, err := f.engine.Likelihood(t.Context(), engine.LikelihoodRequest{Class: engine.Classes{"1"}, Steps: new(4)}, picture, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(d.Bits[0]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
