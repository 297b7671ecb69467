//go:build js && wasm

package main

import (
	"context"

	"tweedie/core/httpapi"
)

// gallery is an httpapi.Gallery in the KV namespace that is bound to the Worker, by way of
// gallery.js.
type gallery struct{ host }

// gallery returns the site's gallery, or nil where none is bound.
func (h host) gallery() httpapi.Gallery {
	if !h.Get("hasGallery").Bool() {
		return nil
	}
	return gallery{h}
}

// Entries implements httpapi.Gallery.
func (g gallery) Entries(context.Context) ([]httpapi.Shared, error) {
	v, err := await(g.Call("entries"))
	if err != nil {
		return nil, err
	}
	list := make([]httpapi.Shared, v.Length())
	for i := range list {
		list[i] = httpapi.Shared{Experiment: v.Index(i).Get("experiment").String(), Date: v.Index(i).Get("date").String()}
	}
	return list, nil
}

// Put implements httpapi.Gallery.
func (g gallery) Put(_ context.Context, entry httpapi.Shared) error {
	_, err := await(g.Call("put", record(entry)))
	return err
}

// Drop implements httpapi.Gallery.
func (g gallery) Drop(_ context.Context, entry httpapi.Shared) error {
	_, err := await(g.Call("drop", record(entry)))
	return err
}

func record(entry httpapi.Shared) map[string]any {
	return map[string]any{"experiment": entry.Experiment, "date": entry.Date}
}
