//go:build !js

package main_test

import (
	"fmt"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/model"
)

// dialled opens the page on a model of the name "dialled" and lists the classifier
// "dials" with it. The model's engine here has the classifier too.
func dialled(t *testing.T, hash string) (*modelFile, page) {
	t.Helper()
	f, guide := newModel(t, "dialled", colour), newFiles(t, "dials", colours)
	s, err := sites()
	if err != nil {
		t.Fatal(err)
	}
	const list = "/page/models/index.json"
	s.put(list, []byte(`{"models": [{"file": "dialled.json", "title": "Dialled", "bytes": 9000,
		"classifier": {"file": "dials.json", "classes": ["red", "green", "blue"], "bytes": 8000}}]}`))
	t.Cleanup(func() { s.remove(list) })
	s.put("/page/models/dials.json", guide.manifest)
	for i, shard := range guide.parsed.Shards {
		s.put("/page/models/"+shard.File, guide.shards[i])
	}
	m, err := model.Open(guide.file(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.engine.SetClassifier(m); err != nil {
		t.Fatal(err)
	}
	return f, openPage(t, f, "dialled", hash)
}

// dials lists the classifier's files that the page has fetched.
const dials = `const dials = () => performance.getEntriesByType('resource').map(({ name }) => name.replace(/.*[/]/, '')).filter((name) => name.startsWith('dials')).length
`

// TestClassifierDial checks that the page of a model with a classifier shows its weight, and
// fetches the classifier only when the weight is above 0. The images are then those of the
// native engine, and a link to them gives them again.
func TestClassifierDial(t *testing.T) {
	const start = "#class=all&n=4&sampler=dpmpp2m&steps=4&guidance=0"
	f, p := dialled(t, start+"&seed=5&keep=1")
	native := func(weight int, more string) engine.Result {
		return f.drawn(t, fmt.Sprintf(`{"n": 4, "sampler": "dpmpp2m", "steps": 4, "guidance": 0, "seed": 5, "classifier_guidance": %d%s}`, weight, more))
	}
	plain, guided := native(0, "").SHA256(), native(4, "").SHA256()
	if plain == guided {
		t.Fatal("the classifier changes nothing")
	}
	type drawn struct {
		SHA, Hash, Dial, Facts, Estimate string
		Fetched                          int
		Hidden, Closed                   bool
	}
	const look = settled + dials + `const look = async (sha) => ({
		sha, hash: location.hash, fetched: dials(), dial: $('classifier_guidance').value + ' ' + $('classifier_guidance-range').value,
		hidden: $('classifier_guidance-field').hidden, facts: $('result-facts').textContent, estimate: $('estimate').textContent,
	})
	`
	var got []drawn
	p.run(t, &got, look+`
		const out = [await look($('sha256').dataset.sha256)]
		await type('classifier_guidance-range', '4')
		while (/Loading/.test($('estimate').textContent)) await new Promise((resolve) => setTimeout(resolve, 20))
		out.push(await look(await generate()))
		await type('guidance_rescale', '0.5')
		out.push(await look(await generate()))
		await type('guidance_rescale', '')
		await type('classifier_guidance', '0')
		out.push(await look(await generate()))
		return out`)
	for i, want := range []drawn{
		{SHA: plain, Dial: "0 0"},
		{SHA: guided, Dial: "4 4", Fetched: 2},
		{SHA: native(4, `, "guidance_rescale": 0.5`).SHA256(), Dial: "4 4", Fetched: 2},
		{SHA: plain, Dial: "0 0", Fetched: 2},
	} {
		g := got[i]
		if g.SHA != want.SHA || g.Dial != want.Dial || g.Fetched != want.Fetched || g.Hidden {
			t.Errorf("%d: got %+v, want %+v", i, g, want)
		}
		on := want.SHA != plain
		if strings.Contains(g.Hash, "classifier_guidance=4") != on || strings.Contains(g.Facts, "Classifier4") != on {
			t.Errorf("%d: the weight in %q and in %q: want %t", i, g.Hash, g.Facts, on)
		}
	}

	p = p.visit(t, "dialled", start+"&classifier_guidance=4&seed=5")
	var linked drawn
	p.run(t, &linked, look+`return look($('sha256').dataset.sha256)`)
	if linked.SHA != guided || linked.Dial != "4 4" || linked.Fetched != 2 {
		t.Errorf("a link draws %+v, want %s with both files of the classifier", linked, guided)
	}
}

// TestClassifierDialRefuses checks that a model without a classifier has no dial and reports an
// error for a link that uses one, and that the error for a failed fetch names the classifier,
// which is then fetched again.
func TestClassifierDialRefuses(t *testing.T) {
	f, p := dialled(t, "#class=red&n=1&sampler=euler&steps=2&guidance=1.5&seed=5&keep=1")
	guided := f.drawn(t, `{"class": "red", "sampler": "euler", "steps": 2, "guidance": 1.5, "seed": 5, "classifier_guidance": 2}`).SHA256()
	const manifest = "/page/models/dials.json"
	whole := p.site.files[manifest]
	p.site.remove(manifest)
	var notice string
	p.run(t, &notice, settled+`
		await type('classifier_guidance', '2')
		await generate()
		return document.body.dataset.state + ' ' + $('error-text').textContent`)
	if !strings.HasPrefix(notice, "failed tweedie: ") || !strings.Contains(notice, "/page/models/dials.json: HTTP 404") {
		t.Errorf("without the classifier: got %q", notice)
	}
	p.site.put(manifest, whole)
	var sha string
	p.run(t, &sha, settled+"return generate()")
	if sha != guided {
		t.Errorf("once it is there: drawn %s, want %s", sha, guided)
	}
	p.run(t, &notice, settled+`
		document.querySelector('input[name="class"][value="none"]').click()
		await generate()
		return $('error-text').textContent`)
	if !strings.Contains(notice, "class must be one of red, green or blue with classifier_guidance above 0") {
		t.Errorf("no class to be guided to: got %q", notice)
	}

	p = openPage(t, newModel(t, "bare", colour), "bare", "#class=red&n=1&steps=2&classifier_guidance=2&seed=5")
	var bare struct {
		Hidden        bool
		Notice, State string
	}
	p.run(t, &bare, settled+`return { hidden: $('classifier_guidance-field').hidden, notice: $('error-text').textContent, state: document.body.dataset.state }`)
	if !bare.Hidden || bare.State != "idle" || !strings.Contains(bare.Notice, "this site has no classifier for the model") {
		t.Errorf("a model without one: got %+v", bare)
	}
}
