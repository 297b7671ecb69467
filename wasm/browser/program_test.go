//go:build !js

package main_test

import (
	"context"
	"fmt"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/graph"
	"tweedie/core/minijson"
)

// listed returns the configuration of a model whose network is a program, of
// operations that no architecture has.
func listed(t *testing.T) string {
	t.Helper()
	p := &graph.Program{}
	x, time, class := p.Input("x", 8, 8, 3), p.Input("t", 1), p.Input("y", 1)
	e := p.Apply(graph.Add{}, p.Apply(graph.Sinusoid{Width: 16}, time), p.Apply(graph.Lookup{}, class, p.Param("classes", graph.Init{}, 4, 16)))
	h := p.Apply(graph.Conv{Size: 2, Stride: 2}, x, p.Param("embed", graph.Init{}, 16, 3, 2, 2))
	h = p.Apply(graph.Binary{Fn: "add", Shape: []int{16, 16}, A: []int{16, 1}, B: []int{0, 1}}, h, e)
	h = p.Apply(graph.LayerNorm{Eps: 1e-5}, h, p.Param("norm.weight", graph.Init{}, 16), p.Param("norm.bias", graph.Init{}, 16))
	tokens := p.Apply(graph.Reshape{Shape: []int{16, 1, 16}}, h)
	q := p.Apply(graph.Linear{}, tokens, p.Param("q", graph.Init{}, 16, 16))
	h = p.Apply(graph.Unary{Fn: "gelu"}, p.Apply(graph.Add{}, tokens, p.Apply(graph.Attention{Heads: 2}, q, tokens, tokens)))
	shares := p.Apply(graph.Softmax{}, p.Apply(graph.View{Shape: []int{1, 16, 16}, Steps: []int{0, 1, 16}}, h))
	h = p.Apply(graph.MatMul{}, shares, p.Apply(graph.Reshape{Shape: []int{1, 16, 16}}, h))
	h = p.Apply(graph.Linear{}, h, p.Param("last", graph.Init{}, 12, 16), p.Param("last.bias", graph.Init{}, 12))
	out := p.Apply(graph.View{Shape: []int{4, 2, 4, 2, 3}, Steps: []int{48, 6, 12, 3, 1}}, h)
	l, err := graph.Serialize(p, p.Apply(graph.Reshape{Shape: []int{8, 8, 3}}, out))
	if err != nil {
		t.Fatal(err)
	}
	text, err := minijson.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"arch": "program", "prediction": "v", "schedule": {"kind": "cosine"}, "sigma_min": 0.05, "sigma_max": 20, "shape": [3, 8, 8],
		"classes": ["red", "green", "blue"], "null_class": 3, "defaults": {"steps": 4, "guidance": 1.5}, "program": %s}`, text)
}

// TestProgramSameBytes checks that a network stored as a program in its file gives the same
// bytes in the browser as natively.
func TestProgramSameBytes(t *testing.T) {
	p := open(t)
	f := newModel(t, "listed", listed(t))
	f.put(p.site, "listed")
	const request = `{"n": 3, "seed": 7, "class": ["blue", 0, "none"]}`
	var got answer
	p.run(t, &got, `
		const model = await load('/models/listed.json', { workers: 2 })
		const r = await model.sample(JSON.parse(%s))
		model.close()
		return { sha256: r.sha256, nfe: r.nfe, images: r.images.length }`, script(request))
	r, err := engine.ParseRequest([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.engine.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := (answer{want.SHA256(), want.Plan.NFE, 3}); got != w {
		t.Errorf("got %+v, want %+v", got, w)
	}
}
