//go:build !js

package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// digits is a network of the size of the one that the site ships, for a
// benchmark without the site.
const digits = `{"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 28, 28], "classes": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], "null_class": 10,
	"defaults": {"sampler": "dpmpp2m", "steps": 20, "guidance": 1.5},
	"unet": {"sample_size": 28, "in_channels": 1, "out_channels": 1, "patch": 2, "block_out_channels": [48, 96],
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 8, "norm_eps": 1e-5, "attention_head_dim": 32, "downsample_padding": 1,
		"flip_sin_to_cos": true, "freq_shift": 0, "num_class_embeds": 11}}`

// benchModel puts the model to measure on the site: the folder TWEEDIE_DIST, if
// that names one, is served in place of what the tests built.
var benchModel = sync.OnceValues(func() (string, error) {
	s, err := sites()
	dist := os.Getenv("TWEEDIE_DIST")
	if err != nil || dist == "" {
		return "/models/digits.json", err
	}
	return "/models/mnist.json", filepath.WalkDir(dist, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "index.html" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dist, name)
		s.put("/"+filepath.ToSlash(relative), data)
		return err
	})
})

func openBench(b *testing.B) (page, string) {
	b.Helper()
	return openBenchAt(b, "/")
}

func openBenchAt(b *testing.B, address string) (page, string) {
	b.Helper()
	p := openAt(b, address)
	name, err := benchModel()
	if err != nil {
		b.Fatal(err)
	}
	if name == "/models/digits.json" {
		newModel(b, "digits", digits).put(p.site, "digits")
	}
	return p, name
}

// BenchmarkCancel measures from an abort until the call rejects, and until its
// worker is free. The page promises 100 ms.
func BenchmarkCancel(b *testing.B) {
	p, name := openBench(b)
	var rejects, frees []float64
	for b.Loop() {
		var got struct{ Reject, Free []float64 }
		p.run(b, &got, `
			let freed
			globalThis.Worker = class extends Worker {
				constructor(...options) {
					super(...options)
					this.addEventListener('message', ({ data }) => data.name === 'AbortError' && freed?.(performance.now()))
				}
			}
			const model = await load('%s', { workers: 1 })
			const out = { Reject: [], Free: [] }
			for (let i = 0; i < 20; i++) {
				const control = new AbortController()
				const free = new Promise((resolve) => { freed = resolve })
				const call = model.sample({ n: 16, steps: 500, guidance: 2, signal: control.signal }).catch(() => performance.now())
				await new Promise((resolve) => setTimeout(resolve, 100 + 13 * i))
				const begun = performance.now()
				control.abort()
				out.Reject.push(await call - begun)
				out.Free.push(await free - begun)
			}
			model.close()
			return out`, name)
		rejects, frees = append(rejects, got.Reject...), append(frees, got.Free...)
	}
	slices.Sort(frees)
	b.ReportMetric(slices.Max(rejects), "reject-ms-max")
	b.ReportMetric(frees[len(frees)/2], "free-ms-median")
	b.ReportMetric(frees[len(frees)-1], "free-ms-max")
}

// BenchmarkFirstImage measures from navigation to the first image at 10 steps, in
// a page that does nothing else. The page promises 1500 ms.
func BenchmarkFirstImage(b *testing.B) {
	openBench(b)
	var times []float64
	for b.Loop() {
		p, name := openBench(b)
		var at float64
		p.run(b, &at, `
			const model = await load('%s')
			await model.sample({ steps: 10, class: 3 })
			return performance.now()`, name)
		times = append(times, at)
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ms-median")
	b.ReportMetric(times[len(times)-1], "ms-max")
}

// BenchmarkBatch measures 16 images at 20 steps on all workers.
func BenchmarkBatch(b *testing.B) {
	p, name := openBench(b)
	var times []float64
	for b.Loop() {
		var ms []float64
		p.run(b, &ms, `
			const model = await load('%s')
			await model.sample({ n: 16, steps: 1 })
			const out = []
			for (let i = 0; i < 3; i++) out.push((await model.sample({ n: 16, steps: 20 })).ms)
			model.close()
			return out`, name)
		times = append(times, ms...)
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ms-median")
}

// BenchmarkOneImage measures one evaluation of one image, and one guided image at 20
// steps, by one worker and by two, in turns.
func BenchmarkOneImage(b *testing.B) {
	for sharing, address := range pages {
		b.Run(sharing, func(b *testing.B) {
			p, name := openBenchAt(b, address)
			times := map[string][]float64{}
			for b.Loop() {
				var got map[string][]float64
				p.run(b, &got, trace+`
					const models = {}
					for (const workers of [1, 2]) {
						ready.clear()
						models[workers] = await load('%s', { workers })
						await whole(models[workers])
					}
					const x = new Float32Array(models[1].info.shape.reduce((a, b) => a * b)).fill(0.5)
					const y = models[1].info.classes.length > 0 ? [1] : null
					const out = { forward1: [], forward2: [], image1: [], image2: [] }
					for (let i = 0; i < 90; i++) for (const workers of [1, 2]) {
						const begun = performance.now()
						await models[workers].forward(x, [0.3], y)
						out['forward' + workers].push(performance.now() - begun)
					}
					for (let i = 0; i < 9; i++) for (const workers of [1, 2]) {
						out['image' + workers].push((await models[workers].sample({ seed: i, steps: 20 })).ms)
					}
					for (const workers of [1, 2]) models[workers].close()
					return out`, name)
				for what, ms := range got { // the first pack the weights, and run before the browser has optimised
					times[what] = append(times[what], ms[len(ms)/3:]...)
				}
			}
			for what, ms := range times {
				slices.Sort(ms)
				b.ReportMetric(ms[len(ms)/2], what+"-ms-median")
			}
		})
	}
}
