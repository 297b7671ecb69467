//go:build !js

package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// shown waits until the page's progress bar shows a text, and returns what a visitor sees.
const shown = `const shown = async (text) => {
		const there = () => $('progress-text').textContent.includes(text) && ($('progress').getAttribute('aria-valuenow') > 0.4 || text === 'program') // the first half may arrive in pieces
		for (let i = 0; !there() && i < 12000; i++) await new Promise((resolve) => setTimeout(resolve, 10)) // some minutes
		return { state: document.body.dataset.state, now: $('progress-status').textContent, rest: $('progress-detail').textContent,
			done: Number($('progress').getAttribute('aria-valuenow')), cancel: !$('cancel').disabled, estimate: $('estimate').textContent }
	}
	const cancel = async (how = () => $('cancel').click()) => {
		how()
		await settled()
		return document.body.dataset.state + ' ' + $('progress-status').textContent + ' ' + $('error-text').textContent
	}
	`

// shownNow is what a visitor sees of a download.
type shownNow struct {
	State, Now, Rest, Estimate string
	Done                       float64
	Cancel                     bool
}

// half reports whether it is a half-finished download that can be cancelled.
func (s shownNow) half(what string) bool {
	return s.Now == "Loading "+what && s.Cancel && strings.Contains(s.Rest, " of ") && s.Done > 0.4 && s.Done < 0.6
}

// TestSlowModel checks that the page shows the progress of a model's download, which a button
// or a key cancels, and that another attempt generates images. Another model can be chosen at
// any time.
func TestSlowModel(t *testing.T) {
	const hash = "#class=red&n=1&sampler=euler&steps=2&guidance=1.5&seed=5"
	f := newModel(t, "slow", colour)
	p := openPage(t, f, "slow", hash)
	shard := "/page/models/" + f.parsed.Shards[0].File
	p.site.hold(shard)
	t.Cleanup(p.site.release)
	p = openAt(t, "/page/index.html?model=slow"+hash)
	var got struct {
		Half           shownNow
		Cancelled, SHA string
		Retry, Choice  bool
	}
	p.run(t, &got, steps+shown+`
		const half = await shown('Loading the model'), choice = !$('model').matches(':disabled') && $('seed').matches(':disabled')
		const cancelled = await cancel(() => dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))), retry = !$('error-retry').hidden
		await fetch('/release')
		$('error-retry').click()
		while (!$('sha256').dataset.sha256) await new Promise((resolve) => setTimeout(resolve, 20))
		return { half, choice, cancelled, retry, sha: $('sha256').dataset.sha256 }`)
	if !got.Half.half("the model") || got.Half.State != "loading" {
		t.Errorf("half of the model: got %+v", got.Half)
	}
	if !got.Choice {
		t.Error("while a model loads no other can be chosen, or its settings can be")
	}
	if want := "failed The model is not loaded Loading the model was cancelled."; got.Cancelled != want || !got.Retry {
		t.Errorf("cancelled: got %q, want %q and a way to try again", got.Cancelled, want)
	}
	if want := f.drawn(t, `{"class": "red", "sampler": "euler", "steps": 2, "guidance": 1.5, "seed": 5}`).SHA256(); got.SHA != want {
		t.Errorf("asked again: drawn %s, want %s", got.SHA, want)
	}
}

// TestSlowClassifier checks the same for a run that waits for a classifier, and for an address
// that needs one.
func TestSlowClassifier(t *testing.T) {
	const hash = "#class=red&n=1&sampler=euler&steps=2&guidance=1.5&seed=5&keep=1"
	f, p := dialled(t, hash)
	guided := f.drawn(t, `{"class": "red", "sampler": "euler", "steps": 2, "guidance": 1.5, "seed": 5, "classifier_guidance": 4}`).SHA256()
	shard := ""
	for name := range p.site.files {
		if strings.HasPrefix(name, "/page/models/dials") && name != "/page/models/dials.json" {
			shard = name
		}
	}
	p.site.hold(shard)
	t.Cleanup(p.site.release)
	var got struct {
		Turned, Half   shownNow
		Cancelled, SHA string
		Fetched        int
	}
	p.run(t, &got, settled+shown+dials+`
		await type('classifier_guidance', '4')
		const turned = await shown('done')
		$('go').click()
		const half = await shown('classifier')
		const cancelled = await cancel()
		await fetch('/release')
		return { turned, half, cancelled, sha: await generate(), fetched: dials() }`)
	if got.Turned.State != "done" || got.Turned.Estimate != "Loading the classifier, 8 kB." {
		t.Errorf("when the dial is turned: got %+v", got.Turned)
	}
	if !got.Half.half("the classifier") || got.Half.State != "running" {
		t.Errorf("a run that waits: got %+v", got.Half)
	}
	if !strings.HasPrefix(got.Cancelled, "cancelled cancelled at Loading the classifier ") || got.SHA != guided {
		t.Errorf("cancelled: got %q, then %s, want %s", got.Cancelled, got.SHA, guided)
	}

	if got.Fetched < 3 { // the manifest twice, as the first download was given up
		t.Errorf("cancelled, but fetched no second time: %d files", got.Fetched)
	}

	p.site.hold(shard)
	p = openAt(t, "/page/index.html?model=dialled"+hash+"&classifier_guidance=4")
	var linked struct {
		Half           shownNow
		Cancelled, SHA string
	}
	p.run(t, &linked, steps+shown+`
		const half = await shown('Loading the classifier')
		const cancelled = await cancel()
		await fetch('/release')
		return { half, cancelled, sha: await generate() }`)
	if !linked.Half.half("the classifier") || !strings.HasPrefix(linked.Cancelled, "cancelled ") || linked.SHA != guided {
		t.Errorf("a link: got %+v, want %s", linked, guided)
	}
}

// TestSlowProgram checks that the module reports the download of the program alone, and that
// the page shows that of the program for likelihoods, which can be cancelled.
func TestSlowProgram(t *testing.T) {
	f := newModel(t, "colour", colour)
	p := openPage(t, f, "colour", "#class=red&n=1&sampler=euler&steps=2&guidance=1.5&seed=5&keep=1")
	p.site.hold("/page/tweedie-likelihood.wasm")
	t.Cleanup(p.site.release)
	var got struct {
		Loading          shownNow
		Cancelled, Facts string
	}
	p.run(t, &got, settled+shown+`
		$('sheet').querySelectorAll('.tile-actions button')[1].click()
		await type('likelihood-steps', '2')
		await type('likelihood-probes', '1')
		$('likelihood-go').click()
		const loading = await shown('program')
		const cancelled = await cancel()
		await fetch('/release')
		$('likelihood-go').click()
		await new Promise((resolve) => setTimeout(resolve, 50))
		await settled()
		return { loading, cancelled, facts: $('likelihood-facts').textContent }`)
	if got.Loading.Now != "Loading the program" || !got.Loading.Cancel || !strings.HasPrefix(got.Cancelled, "cancelled cancelled at Loading the program") || !strings.Contains(got.Facts, "Bits per dimension") {
		t.Errorf("the whole program: got %+v", got)
	}

	p = open(t)
	f.put(p.site, "colour")
	p.site.hold("/tweedie.wasm")
	var phases []string
	p.run(t, &phases, `
		const phases = []
		const coming = load('/models/colour.json', { workers: 1, onProgress: ({ phase }) => phases.push(phase) })
		while (!phases.includes('program')) await new Promise((resolve) => setTimeout(resolve, 10))
		await new Promise((resolve) => setTimeout(resolve, 100))
		phases.push('half')
		await fetch('/release')
		;(await coming).close()
		return phases.filter((phase) => phase !== 'download')`)
	if want := []string{"program", "half", "start"}; !slices.Equal(phases, want) {
		t.Errorf("told %s, want %s", fmt.Sprint(phases), want)
	}
}
