//go:build js && wasm

package main

import (
	"context"

	"tweedie/wasm/edge"
)

// gallery is the KV namespace that the Worker is bound to: gallery.js tells how. It is
// an edge.Gallery.
type gallery struct{ host }

// gallery returns the site's gallery, or nil where none is bound.
func (h host) gallery() edge.Gallery {
	if !h.Get("hasGallery").Bool() {
		return nil
	}
	return gallery{h}
}

// Entries implements edge.Gallery.
func (g gallery) Entries(context.Context) ([]edge.Shared, error) {
	v, err := await(g.Call("entries"))
	if err != nil {
		return nil, err
	}
	list := make([]edge.Shared, v.Length())
	for i := range list {
		list[i] = edge.Shared{Experiment: v.Index(i).Get("experiment").String(), Date: v.Index(i).Get("date").String()}
	}
	return list, nil
}

// Put implements edge.Gallery.
func (g gallery) Put(_ context.Context, entry edge.Shared) error {
	_, err := await(g.Call("put", record(entry)))
	return err
}

// Drop implements edge.Gallery.
func (g gallery) Drop(_ context.Context, entry edge.Shared) error {
	_, err := await(g.Call("drop", record(entry)))
	return err
}

func record(entry edge.Shared) map[string]any {
	return map[string]any{"experiment": entry.Experiment, "date": entry.Date}
}
