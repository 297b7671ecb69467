package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"tweedie/core/engine"
	"tweedie/core/minijson"
	"tweedie/core/settings"
	"tweedie/weights"
)

// Model is a model of the site, as its manifest describes it.
type Model struct {
	Name     string // of its manifest's file, without .json
	Manifest *weights.Manifest
	Guide    *Guide // nil for none
	Info     engine.Info
	Version  string // of the bytes of the model and its classifier and of the build of the program: with a seed it determines images
}

// Guide is a classifier of the site that guides a model.
type Guide struct {
	Name     string // of its manifest's file, without .json
	Manifest *weights.Manifest
}

// entry is a model in the catalogue of the static site, models/index.json.
type entry struct {
	File  string `json:"file"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`

	Classifier *struct {
		File string `json:"file"`
	} `json:"classifier"` // nil for a model without
}

const (
	folder = "models/"
	suffix = ".json"
)

// entries returns the models of the site, the one that the page opens first.
func (s *Service) entries(ctx context.Context) ([]entry, error) {
	data, _, err := s.Host.File(ctx, folder+"index.json")
	if err != nil {
		return nil, fmt.Errorf("httpapi: catalogue: %w", err)
	}
	var index struct {
		Models []entry `json:"models"`
	}
	if err := minijson.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("httpapi: catalogue: %w", err)
	}
	if len(index.Models) < 1 || len(index.Models) > maxModels {
		return nil, fmt.Errorf("httpapi: catalogue: the number of models must be 1 to %d (got %d)", maxModels, len(index.Models))
	}
	return index.Models, nil
}

// open returns the model of the given name, or the first for "", with its classifier if
// guided.
func (s *Service) open(ctx context.Context, name string, guided bool) (*Model, error) {
	entries, err := s.entries(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if stem := strings.TrimSuffix(e.File, suffix); name == "" || name == stem {
			if !guided {
				return s.describe(ctx, stem, "")
			}
			if e.Classifier == nil {
				return nil, refuse(classified, settings.Raw(""), "0: the site has no classifier for the model")
			}
			return s.describe(ctx, stem, strings.TrimSuffix(e.Classifier.File, suffix))
		}
	}
	return nil, noModel(name, entries)
}

// noModel is the problem of a model that is none of the site's.
func noModel(name string, entries []entry) *Problem {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.File, suffix)
	}
	problem := refuse("model", name, "one of %s", settings.List(names, "or"))
	problem.Status = http.StatusNotFound
	return problem
}

// describe reads the manifests of a model and of its classifier, "" for none.
func (s *Service) describe(ctx context.Context, name, guide string) (*Model, error) {
	version := sha256.New()
	fmt.Fprintln(version, s.Build)
	read := func(name string) (*weights.Manifest, error) {
		data, _, err := s.Host.File(ctx, folder+name+suffix)
		if err != nil {
			return nil, err
		}
		version.Write(data)
		return weights.ParseManifest(data)
	}
	m := &Model{Name: name}
	var err error
	if m.Manifest, err = read(name); err == nil {
		m.Info, err = engine.Describe(m.Manifest)
	}
	if err != nil {
		return nil, fmt.Errorf("httpapi: model %q: %w", name, err)
	}
	if guide != "" {
		m.Guide = &Guide{Name: guide}
		if m.Guide.Manifest, err = read(guide); err == nil {
			m.Info, err = m.Info.WithClassifier(m.Guide.Manifest)
		}
		if err != nil {
			return nil, fmt.Errorf("httpapi: classifier %q: %w", guide, err)
		}
	}
	m.Version = hex.EncodeToString(version.Sum(nil)[:6])
	return m, nil
}

// catalogue is the answer of /api/models.
type catalogue struct {
	Models []listed `json:"models"`
}

type listed struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`    // of manifest and shards
	About    string `json:"about"`    // where the service describes it
	Manifest string `json:"manifest"` // where a page loads it from
	Card     string `json:"card"`     // Markdown
}

// models answers with the catalogue.
func (s *Service) models(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.entries(r.Context())
	if err != nil {
		return err
	}
	list := make([]listed, len(entries))
	for i, e := range entries {
		name := strings.TrimSuffix(e.File, suffix)
		list[i] = listed{Name: name, Bytes: e.Bytes, About: "/api/models/" + name, Manifest: "/" + folder + e.File, Card: "/" + folder + name + ".md"}
	}
	return sendJSON(w, r, catalogue{list})
}

// described is the answer of /api/models/NAME.
type described struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Info    engine.Info `json:"info"`
	Card    string      `json:"card"` // Markdown
	Limits  limits      `json:"limits"`
}

type limits struct {
	Images int   `json:"images"`
	GFLOP  int64 `json:"gflop"`
}

// model answers with one model and its card.
func (s *Service) model(w http.ResponseWriter, r *http.Request) error {
	m, err := s.open(r.Context(), r.PathValue("name"), false)
	if err != nil {
		return err
	}
	card, _, err := s.Host.File(r.Context(), folder+m.Name+".md")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("httpapi: card of model %q: %w", m.Name, err)
	}
	return sendJSON(w, r, described{Name: m.Name, Version: m.Version, Info: m.Info, Card: string(card), Limits: limits{maxImages, s.Limits.GFLOP}})
}

func sendJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := minijson.Marshal(v)
	if err != nil {
		return fmt.Errorf("httpapi: %w", err)
	}
	send(w, r, append(body, '\n'), "application/json", checked)
	return nil
}
