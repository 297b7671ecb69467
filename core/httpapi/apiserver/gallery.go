package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"tweedie/core/httpapi"
	"tweedie/weights"
)

// gallery implements httpapi.Gallery in memory and in a file, which is rewritten after
// every change.
type gallery struct {
	path string

	mu      sync.Mutex
	entries []httpapi.Shared
}

// maxGallery is the largest size of a gallery's file in bytes. Hundreds of entries of some
// hundred bytes each are far below it.
const maxGallery = 4 << 20

// galleryFile is the JSON of a gallery's file.
type galleryFile struct {
	Shared []httpapi.Shared `json:"shared"`
}

// openGallery reads a gallery's file. If there is none, it creates an empty one.
func openGallery(path string) (*gallery, error) {
	g := &gallery{path: path}
	data, err := weights.ReadFile(path, maxGallery)
	if errors.Is(err, fs.ErrNotExist) {
		return g, g.write(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("apiserver: gallery: %w", err)
	}
	var file galleryFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("apiserver: gallery %q: %w", path, err)
	}
	g.entries = file.Shared
	return g, nil
}

// Entries implements httpapi.Gallery.
func (g *gallery) Entries(context.Context) ([]httpapi.Shared, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.entries), nil
}

// Put implements httpapi.Gallery.
func (g *gallery) Put(_ context.Context, entry httpapi.Shared) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write(append(g.without(entry), entry))
}

// Drop implements httpapi.Gallery.
func (g *gallery) Drop(_ context.Context, entry httpapi.Shared) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write(g.without(entry))
}

// without returns a copy of the entries without those of entry's experiment.
func (g *gallery) without(entry httpapi.Shared) []httpapi.Shared {
	return slices.DeleteFunc(slices.Clone(g.entries), func(e httpapi.Shared) bool { return e.Experiment == entry.Experiment })
}

// write writes entries to the file and, if that succeeds, sets g.entries.
func (g *gallery) write(entries []httpapi.Shared) error {
	err := weights.WriteAtomicFunc(g.path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false) // & stays readable in experiments
		return e.Encode(galleryFile{entries})
	})
	if err != nil {
		return fmt.Errorf("apiserver: gallery: %w", err)
	}
	g.entries = entries
	return nil
}
