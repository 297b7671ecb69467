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

// models answers for the files of a site that has models and no page: a folder of
// manifests, NAME.json, with their shards and cards beside them.
type models struct{ fsys fs.FS }

// openModels returns the models of a folder. The error says that it has none.
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

// listed is a model in the catalogue.
type listed struct {
	File  string `json:"file"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// list returns the models of the folder that draw images, in the order of their names.
func (m models) list() ([]listed, error) {
	names, err := fs.Glob(m.fsys, "*"+weights.ManifestSuffix)
	if err != nil {
		return nil, err
	}
	var out []listed
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
			continue // another JSON file, or a model that draws nothing: a classifier
		}
		out = append(out, listed{name, manifest.Name, int64(len(data)) + int64(manifest.Bytes())})
	}
	return out, nil
}

// file returns models/NAME, the catalogue models/index.json being made anew.
func (m models) file(name string) ([]byte, http.Header, error) {
	name, ok := strings.CutPrefix(name, "models/")
	if !ok {
		return nil, nil, fmt.Errorf("apiserver: file %q: %w", name, fs.ErrNotExist)
	}
	var data []byte
	var err error
	if name == "index.json" {
		var list []listed
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
