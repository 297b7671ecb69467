//go:build !js

package main_test

import (
	"context"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/model"
)

// colours is a classifier of colour's classes, grays one of two classes for gray, which has none.
const (
	colours = `{"arch": "classifier", "prediction": "class", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
		"shape": [3, 8, 8], "classes": ["red", "green", "blue"],
		"unet": {"sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [16, 32],
			"down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
			"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "downsample_padding": 1}}`
	grays = `{"arch": "classifier", "prediction": "class", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 158,
		"shape": [1, 8, 8], "classes": ["thin", "bold"],
		"unet": {"sample_size": 8, "in_channels": 1, "out_channels": 2, "block_out_channels": [16],
			"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
			"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "patch": 2}}`
)

// TestClassifiedSameBytes checks that classifier guidance gives the same bytes in the browser
// as natively: for a batch split over workers, for one image that a tensor-parallel group or a
// pair of workers shares, and after a cancel; with a model with classes and one without. A
// classifier that does not fit the model is rejected and leaves the model unchanged.
func TestClassifiedSameBytes(t *testing.T) {
	for _, page := range []string{"/", "/isolated.html"} {
		p := openAt(t, page)
		for _, c := range []struct{ name, config, classifier, other string }{
			{"colour", colour, colours, "grays"}, {"gray", gray, grays, "colours"},
		} {
			f, guide := newModel(t, c.name, c.config), newFiles(t, c.name+"s", c.classifier)
			f.put(p.site, c.name)
			guide.put(p.site, c.name+"s")
			other := newFiles(t, c.other, map[string]string{"grays": grays, "colours": colours}[c.other])
			other.put(p.site, c.other)
			requests := []string{
				`{"n": 1, "classifier_guidance": 20}`,
				`{"n": 5, "class": [1, 0], "classifier_guidance": 50, "guidance_rescale": 0.5}`,
				`{"n": 3, "sampler": "ddpm", "classifier_guidance": 50, "threshold": "static"}`,
			}
			if c.name == "colour" {
				requests = append(requests, `{"n": 4, "class": 2, "guidance": 0, "classifier_guidance": 30}`)
			}
			var got struct {
				Refused []string `json:"refused"`
				Plain   []string `json:"plain"`
				Told    any      `json:"told"`
				Aborted string   `json:"aborted"`
				Drawn   []answer `json:"drawn"`
			}
			p.run(t, &got, `
				const model = await load('/models/%s.json', { workers: 2 })
				const plain = [(await model.sample({ n: 3, seed: 1 })).sha256]
				const refused = [await words(model.classify('/models/%s.json')), await words(model.sample({ classifier_guidance: 1 }))]
				const told = await model.classify('/models/%[1]ss.json')
				plain.push((await model.sample({ n: 3, seed: 1 })).sha256)
				const stop = new AbortController()
				const aborted = await words(model.sample({ n: 64, steps: 200, classifier_guidance: 1, signal: stop.signal, onStep: () => stop.abort() }))
				const drawn = []
				for (const request of %[3]s) {
					const r = await model.sample({ seed: 0, ...JSON.parse(request) })
					drawn.push({ sha256: r.sha256, nfe: r.nfe, images: r.images.length })
				}
				model.close()
				return { refused, plain, told, aborted, drawn }`, c.name, c.other, script(requests))
			if !strings.HasPrefix(got.Refused[0], "Error: engine: classifier: the shape of images must be the model") || !strings.Contains(got.Refused[1], "no classifier is set for the model") {
				t.Errorf("%s %s: refused with %q", page, c.name, got.Refused)
			}
			if got.Plain[0] != got.Plain[1] || got.Aborted != "AbortError: tweedie: the call was cancelled" {
				t.Errorf("%s %s: unguided %q; cancelled: %s", page, c.name, got.Plain, got.Aborted)
			}
			m, err := model.Open(guide.file(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := f.engine.SetClassifier(m); err != nil {
				t.Fatal(err)
			}
			for i, request := range requests {
				r, err := engine.ParseRequest([]byte(request))
				if err != nil {
					t.Fatal(err)
				}
				want, err := f.engine.Sample(context.Background(), r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if w := (answer{want.SHA256(), want.Plan.NFE, *r.N}); got.Drawn[i] != w {
					t.Errorf("%s %s %s:\ngot  %+v\nwant %+v", page, c.name, request, got.Drawn[i], w)
				}
			}
		}
	}
}
