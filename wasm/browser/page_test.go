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

// openPage opens the site's own page, below /page/, on a model with the settings of an
// address, and waits until its first run has ended.
func openPage(t *testing.T, f *modelFile, name, hash string) page {
	t.Helper()
	p := open(t)
	f.put(p.site, name)
	p.site.put("/page/models/"+name+".json", f.manifest)
	for i, shard := range f.parsed.Shards {
		p.site.put("/page/models/"+shard.File, f.shards[i])
	}
	return p.visit(t, name, hash)
}

// visit opens the page and waits until its run, if it starts one, has ended.
func (p page) visit(t *testing.T, name, hash string) page {
	t.Helper()
	p = openAt(t, "/page/index.html?model="+name+hash)
	var state string
	p.run(t, &state, settled+"return document.body.dataset.state")
	return p
}

// settled waits until the page is idle.
const settled = steps + `
	await settled()
	`

// steps are the actions of a visitor.
const steps = `
	const settled = async () => { // a page that is idle and waits for nobody is about to run
		const busy = (state) => ['loading', 'running'].includes(state) || (state === 'idle' && !/^(Ready|Waiting)/.test(($('progress-status') ?? $('meter-now')).textContent))
		while (busy(document.body.dataset.state)) await new Promise((resolve) => setTimeout(resolve, 20))
		return document.body.dataset.state
	}
	const $ = (id) => document.getElementById(id)
	const pending = new Set()
	const posting = Worker.prototype.postMessage
	Worker.prototype.postMessage = function (message, ...rest) {
		if (message.call === 'check') {
			const plan = {}
			pending.add(plan)
			this.addEventListener('message', ({ data }) => data.id === message.id && pending.delete(plan))
		}
		return posting.call(this, message, ...rest)
	}
	const type = async (id, value) => {
		if ($(id).type === 'checkbox') $(id).checked = value
		else $(id).value = value
		$(id).dispatchEvent(new Event('input', { bubbles: true }))
		await new Promise((resolve) => setTimeout(resolve, 300)) // the engine has been asked
		while (pending.size > 0) await new Promise((resolve) => setTimeout(resolve, 20)) // and has answered
	}
	const generate = async () => {
		$('go').click()
		await new Promise((resolve) => setTimeout(resolve, 50))
		await settled()
		return $('sha256').dataset.sha256
	}
	`

// drawn returns the hash of the native engine's images.
func (f *modelFile) drawn(t *testing.T, request string) engine.Result {
	t.Helper()
	r, err := engine.ParseRequest([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.engine.Sample(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAdvancedSettings checks that the page shows the settings of a sampler, uses them, keeps
// them in its address and shows an error next to the field that it concerns.
func TestAdvancedSettings(t *testing.T) {
	f := newModel(t, "colour", colour)
	const start = "#class=red&n=4&sampler=unipc&steps=4&guidance=1.5&seed=5&keep=1"
	p := openPage(t, f, "colour", start)
	var got struct {
		Closed, Hidden, Shown, Open       bool
		Hash, SHA, Facts, Error, Estimate string
		Invalid                           string
		Gone, Reset                       string
	}
	p.run(t, &got, settled+`
		const closed = !$('advanced').open
		const hidden = $('s_churn').closest('.field').hidden, shown = !$('order').closest('.field').hidden
		await type('order', '2')
		await type('schedule', 'cosine')
		const sha = await generate()
		const hash = location.hash, facts = $('result-facts').textContent
		await type('sampler', 'dpmpp-singlestep')
		await type('order', '1')
		const estimate = $('estimate').textContent
		await type('order', '9')
		const error = $('order-error').hidden ? '' : $('order-error').textContent
		const invalid = $('order').getAttribute('aria-invalid') + ' ' + $('order').getAttribute('aria-describedby')
		await type('order', '3')
		await type('sampler', 'euler')
		const gone = location.hash
		await type('sampler', 'unipc')
		$('advanced-reset').click()
		return { closed, hidden, shown, open: $('advanced').open, hash, sha, facts, estimate, error, invalid, gone, reset: $('order').value + location.hash }`)
	if want := f.drawn(t, `{"class": "red", "n": 4, "sampler": "unipc", "steps": 4, "guidance": 1.5, "seed": 5, "order": 2, "schedule": "cosine"}`).SHA256(); got.SHA != want {
		t.Errorf("drawn with settings %s, want %s", got.SHA, want)
	}
	if !got.Closed || !got.Hidden || !got.Shown || !got.Open {
		t.Errorf("closed first, only the sampler's own, open where something is wrong: got %+v", got)
	}
	for _, c := range [][2]string{
		{got.Hash, "order=2&schedule=cosine"}, {got.Facts, "Order2"}, {got.Facts, "Spacingcosine"},
		{got.Estimate, "4 evaluations of 4 images"},
		{got.Error, "order must be a whole number from 1 to 3 (got 9)"}, {got.Invalid, "true order-hint order-error"},
		{got.Gone, "sampler=euler&"}, {got.Gone, "schedule=cosine"}, {got.Reset, "#class=red"},
	} {
		if !strings.Contains(c[0], c[1]) {
			t.Errorf("got %q, want %q in it", c[0], c[1])
		}
	}
	if strings.Contains(got.Gone, "order") || strings.Contains(got.Reset, "cosine") {
		t.Errorf("left %q and %q", got.Gone, got.Reset)
	}

	for _, c := range []struct{ settings, want string }{
		{"sampler=heun&steps=4&guidance=1.5&s_churn=3&brownian=0", "brownian has no effect with these settings: remove it"},
		{"sampler=pc&steps=4&guidance=1.5&corrector=none&corrector_steps=2", "corrector_steps has no effect"},
		{"sampler=euler&steps=4&guidance=1.5&corrector_steps=2", "corrector_steps has no effect"},
		{"sampler=euler&steps=4&guidance=1.5&eta=0.5", "eta has no effect"},
		{"sampler=lms&steps=1&guidance=1.5&order=3", "order must be at most the number of steps, 1 (got 3)"},
		{"sampler=euler&steps=4&guidance=1.5&sigma_max=4000", `sigma_max must be a number from 0.01 to 40 (got "4000")`},
	} {
		p = p.visit(t, "colour", "#class=red&n=1&"+c.settings+"&seed=5")
		var notice string
		p.run(t, &notice, settled+`return $('error-text').textContent`)
		if !strings.Contains(notice, c.want) {
			t.Errorf("%s: got %q, want %q in it", c.settings, notice, c.want)
		}
	}
	p = p.visit(t, "colour", "#class=red&n=1&sampler=heun&steps=4&guidance=1.5&s_churn=3&seed=5")
	var linked struct{ SHA, Value string }
	p.run(t, &linked, settled+`return { sha: $('sha256').dataset.sha256, value: $('s_churn').value + $('advanced').open }`)
	if want := f.drawn(t, `{"class": "red", "sampler": "heun", "steps": 4, "guidance": 1.5, "seed": 5, "s_churn": 3}`).SHA256(); linked.SHA != want || linked.Value != "3true" {
		t.Errorf("a link draws %+v, want %s, and the field open with 3", linked, want)
	}
}

// TestPageSize draws images of another size than the model's, from a link and from the field,
// and puts one of them into the editor.
func TestPageSize(t *testing.T) {
	f := newModel(t, "colour", colour)
	p := openPage(t, f, "colour", "#class=red&n=2&sampler=euler&steps=4&guidance=1.5&size=16x8&seed=5&keep=1")
	var got struct {
		Link, Field, Again, Address string
		First, Second, Editor       [2]int
	}
	p.run(t, &got, settled+`
		const sides = () => { const c = document.querySelector('.tile canvas'); return [c.height, c.width] }
		const link = $('sha256').dataset.sha256, first = sides(), field = $('size').value
		await type('size', '8 × 16')
		const again = await generate()
		const second = sides()
		const address = location.hash
		document.querySelector('.tile button[title^="Edit"]').click()
		await new Promise((resolve) => setTimeout(resolve, 300))
		return { link, first, field, again, second, address, editor: [$('mask-canvas').height, $('mask-canvas').width] }`)
	want := f.drawn(t, `{"n":2,"class":"red","sampler":"euler","steps":4,"guidance":1.5,"size":"16x8","seed":5}`)
	other := f.drawn(t, `{"n":2,"class":"red","sampler":"euler","steps":4,"guidance":1.5,"size":"8x16","seed":5}`)
	if got.Link != want.SHA256() || got.First != [2]int{16, 8} || got.Field != "16x8" {
		t.Errorf("from a link: got %+v, want %s", got, want.SHA256())
	}
	if got.Again != other.SHA256() || got.Second != [2]int{8, 16} || !strings.Contains(got.Address, "size=8x16") {
		t.Errorf("from the field: got %+v, want %s", got, other.SHA256())
	}
	if got.Editor[0] == 0 || got.Editor[1] != 2*got.Editor[0] {
		t.Errorf("the editor's canvas is %v, want twice as wide as high", got.Editor)
	}
}

// TestGeneratePlansOnce checks that a click on Generate makes the engine plan the run only once.
func TestGeneratePlansOnce(t *testing.T) {
	p := openPage(t, newModel(t, "colour", colour), "colour", "#class=red&n=4&sampler=euler&steps=4&guidance=1.5&seed=5")
	var plans int
	p.run(t, &plans, settled+`
		const post = Worker.prototype.postMessage
		let plans = 0
		Worker.prototype.postMessage = function (message, ...rest) {
			if (message.call === 'check') plans++
			return post.call(this, message, ...rest)
		}
		await generate()
		await new Promise((resolve) => setTimeout(resolve, 300)) // the estimate of the next
		return plans`)
	if plans != 1 {
		t.Errorf("the engine planned %d times, want once", plans)
	}
}

// TestSeedOfLink checks that the seed of an address is kept until images were drawn with it:
// where the run waits for the visitor, where the address is corrected, and after a cancel; and
// that the results of a cancelled run are those of no other.
func TestSeedOfLink(t *testing.T) {
	f := newModel(t, "colour", colour)
	want := f.drawn(t, `{"class": "red", "n": 4, "sampler": "euler", "steps": 4, "guidance": 1.5, "seed": 42}`).SHA256()
	for name, hash := range map[string]string{
		"waits":     "#class=red&n=100&steps=10000&sampler=euler&guidance=1.5&seed=42",
		"corrected": "#class=red&n=4&sampler=euler&steps=0&guidance=1.5&seed=42",
	} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t, f, "colour", hash)
			var got []string
			p.run(t, &got, settled+`
				const waited = $('seed').value
				await type('steps', '10000') // more than the test waits for
				document.querySelector('[name=n][value="4"]').click()
				$('go').click()
				while (document.body.dataset.state !== 'running') await new Promise((resolve) => setTimeout(resolve, 10))
				$('cancel').click()
				const cancelled = $('seed').value
				const hidden = $('result').hidden
				await type('steps', '4')
				const sha = await generate()
				const drawn = $('seed').value
				await generate()
				return [waited, cancelled, String(hidden), drawn, sha, String($('seed').value !== '42')]`)
			if !slices.Equal(got, []string{"42", "42", "true", "42", want, "true"}) {
				t.Errorf("seeds while waiting, after a cancel, whether the results are hidden, seed and hash of the run, and whether the next has another: got %q", got)
			}
		})
	}
}

// TestLikelihoodPanel checks that the page gives the native engine's likelihood of one of its
// pictures, with the terms of the bound, and that the computation can be stopped.
func TestLikelihoodPanel(t *testing.T) {
	f := newModel(t, "colour", colour)
	p := openPage(t, f, "colour", "#class=green&n=1&sampler=euler&steps=4&guidance=1.5&seed=5&keep=1")
	var got struct{ Focus, Class, Estimate, Facts, Bound, Plot, Label, Error, Stopped string }
	p.run(t, &got, settled+`
		$('sheet').querySelectorAll('.tile-actions button')[1].click()
		const focus = document.activeElement.id, kind = $('likelihood-class').value
		await type('likelihood-steps', '2')
		await type('likelihood-probes', 'x')
		const error = $('likelihood-probes-error').textContent
		await type('likelihood-probes', '3')
		while (!$('likelihood-estimate').textContent) await new Promise((resolve) => setTimeout(resolve, 50))
		const estimate = $('likelihood-estimate').textContent
		const press = async (id) => {
			$(id).click()
			await new Promise((resolve) => setTimeout(resolve, 50))
			return settled()
		}
		await press('likelihood-go')
		await type('likelihood-terms', '8')
		await press('likelihood-bound')
		const facts = $('likelihood-facts').textContent, bound = $('bound-facts').textContent
		const plot = $('bound-plot').firstChild.getAttribute('d'), label = $('bound-plot').getAttribute('aria-label')
		await type('likelihood-steps', '5000')
		$('likelihood-go').click()
		await new Promise((resolve) => setTimeout(resolve, 500))
		$('cancel').click()
		return { focus, class: kind, error, estimate, facts, bound, plot, label, stopped: await settled() }`)
	drawn := f.drawn(t, `{"class": "green", "sampler": "euler", "steps": 4, "guidance": 1.5, "seed": 5}`)
	picture := engine.Picture{Height: 8, Width: 8, Channels: 3, Data: drawn.Pixels}
	d := engine.LikelihoodRequest{Class: engine.Classes{"green"}, Steps: new(2), Count: new(3)}
	flow, err := f.engine.Likelihood(t.Context(), d, picture, nil)
	if err != nil {
		t.Fatal(err)
	}
	mean, off := likelihood.Mean(flow.Bits)
	d = engine.LikelihoodRequest{Class: d.Class, Steps: new(8), Bound: true}
	bound, err := f.engine.Likelihood(t.Context(), d, picture, nil)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, v := range bound.Bits {
		total += v
	}
	for _, c := range [][2]string{
		{got.Focus, "likelihood-go"}, {got.Class, "green"}, {got.Error, `must be a whole number from 1 to 1000 (got "x")`}, {got.Estimate, "On this device about "}, {got.Estimate, "after a download of 1 MB"},
		{got.Facts, fmt.Sprintf("%.4f ± %.4f", mean, off)}, {got.Facts, "3 Rademacher"}, {got.Facts, "Evaluations24"},
		{got.Bound, fmt.Sprintf("%.4f", total+bound.Prior)}, {got.Bound, fmt.Sprintf("%.4f", bound.Bits[0])},
		{got.Plot, "M0,"}, {got.Label, "Terms of the bound"}, {got.Stopped, "cancelled"},
	} {
		if !strings.Contains(c[0], c[1]) {
			t.Errorf("got %q, want %q in it", c[0], c[1])
		}
	}
	if n := strings.Count(got.Plot, "L"); n != 8 { // 7 terms, and back to the axis
		t.Errorf("the plot has %d points: %s", n, got.Plot)
	}
}
