package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"tweedie/core/engine"
	"tweedie/weights"
)

// models provides the model files of a site without pages. fsys holds manifests, NAME.json,
// and their shards and cards.
type models struct{ fsys fs.FS }

// openModels returns the models of a folder. It is an error if there are none.
func openModels(fsys fs.FS) (models, error) {
	m := models{fsys}
	list, err := m.list()
	if err == nil && len(list) == 0 {
		err = errors.New("the folder must hold at least one model: NAME.json with its shards")
	}
	if err != nil {
		return m, fmt.Errorf("apiserver: models: %w", err)
	}
	return m, nil
}

// catalogueEntry is a model in the catalogue.
type catalogueEntry struct {
	File  string `json:"file"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// list returns the models that generate images, sorted by file name.
func (m models) list() ([]catalogueEntry, error) {
	names, err := fs.Glob(m.fsys, "*"+weights.ManifestSuffix)
	if err != nil {
		return nil, err
	}
	var out []catalogueEntry
	for _, name := range names {
		data, err := fs.ReadFile(m.fsys, name)
		if err != nil {
			return nil, err
		}
		manifest, err := weights.ParseManifest(data)
		if err == nil {
			_, err = engine.Describe(manifest)
		}
		if err != nil {
			continue // not a manifest, or a model that generates no images, such as a classifier
		}
		out = append(out, catalogueEntry{name, manifest.Name, int64(len(data)) + int64(manifest.Bytes())})
	}
	return out, nil
}

// file returns the file models/NAME. The catalogue, models/index.json, is generated for
// each call.
func (m models) file(name string) ([]byte, http.Header, error) {
	name, ok := strings.CutPrefix(name, "models/")
	if !ok {
		return nil, nil, fmt.Errorf("apiserver: file %q: %w", name, fs.ErrNotExist)
	}
	var data []byte
	var err error
	if name == "index.json" {
		var list []catalogueEntry
		if list, err = m.list(); err == nil {
			data, err = json.Marshal(map[string]any{"models": list})
		}
	} else {
		data, err = fs.ReadFile(m.fsys, name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("apiserver: model file %q: %w", name, err)
	}
	return data, http.Header{}, nil
}
