package publish

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/weights"
)

// entry is what models/index.json says of a model.
type entry struct {
	File  string `json:"file"` // its manifest
	Name  string `json:"name"`
	Title string `json:"title"` // for people
	Bytes int    `json:"bytes"` // manifest and shards together

	Classifier *guide `json:"classifier,omitempty"` // a classifier that can guide the model, nil if the site has none
	config     config
}

// guide is what models/index.json says of a classifier.
type guide struct {
	File    string   `json:"file"` // its manifest
	Classes []string `json:"classes"`
	Bytes   int      `json:"bytes"` // manifest and shards together
}

// config is the part of a model's configuration that a site needs.
type config struct {
	Title    string
	Arch     string
	Shape    [3]int
	Classes  []string
	SigmaMin float64 `json:"sigma_min"`
	SigmaMax float64 `json:"sigma_max"`
	Unit     bool    `json:"unit_pixels"`

	PixelRange *[2]float64 `json:"pixel_range"`
}

// guides reports whether a classifier of this configuration can guide a model. The
// engine checks the same.
func (c config) guides(m config) bool {
	low, high := m.SigmaMin, m.SigmaMax
	if m.Unit {
		low, high = 2*low, 2*high
	} else if r := m.PixelRange; r != nil {
		half := (r[1] - r[0]) / 2
		low, high = low/half, high/half
	}
	return c.Shape == m.Shape && (len(m.Classes) == 0 || slices.Equal(c.Classes, m.Classes)) && c.SigmaMin <= low && c.SigmaMax >= high
}

// model is a model of a site: its manifest, shards and card.
type model struct {
	entry
	files map[string][]byte // by base name
}

// readModel reads the manifest at path, its shards and its card, and verifies every size
// and hash.
func readModel(path string) (*model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	m, err := weights.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("publish: model %q: %w", path, err)
	}
	base := filepath.Base(path)
	if err := checkName(base); err != nil {
		return nil, err
	}
	var config config
	if err := json.Unmarshal(m.Config, &config); err != nil {
		return nil, fmt.Errorf("publish: model %q: config: %w", path, err)
	}
	out := &model{entry{File: base, Name: m.Name, Title: cmp.Or(config.Title, m.Name), Bytes: len(data), config: config}, map[string][]byte{base: data}}
	var shards [][]byte
	for _, s := range m.Shards {
		shard, err := os.ReadFile(filepath.Join(filepath.Dir(path), s.File))
		if err != nil {
			return nil, fmt.Errorf("publish: model %q: %w", path, err)
		}
		shards = append(shards, shard)
		out.files[s.File] = shard
		out.Bytes += len(shard)
	}
	if _, err := m.Decode(shards); err != nil {
		return nil, fmt.Errorf("publish: model %q: %w", path, err)
	}
	out.files[cardName(base)], err = card(path, m)
	return out, err
}

// checkName refuses names that would have to be escaped in a URL or in HTML.
func checkName(base string) error {
	name, ok := strings.CutSuffix(base, ".json")
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}
	if !ok || name == "" || name == "index" || strings.HasPrefix(name, ".") {
		return fmt.Errorf("publish: the name of a model file must consist of letters, digits, '-', '_' and '.', end in .json, and not be index.json (got %q)", base)
	}
	return nil
}

// cardName returns the name of the card of a manifest.
func cardName(manifest string) string { return strings.TrimSuffix(manifest, ".json") + ".md" }

// card returns the model card next to the manifest at path or, if there is none, one made
// from the card in the manifest.
func card(path string, m *weights.Manifest) ([]byte, error) {
	text, err := os.ReadFile(cardName(path))
	if err == nil || !os.IsNotExist(err) {
		return text, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", m.Name)
	if len(m.Card) > 0 {
		b.WriteString("\n```json\n")
		if err := json.Indent(&b, m.Card, "", "  "); err != nil {
			return nil, fmt.Errorf("publish: model %q: card: %w", path, err)
		}
		b.WriteString("\n```\n")
	}
	return b.Bytes(), nil
}
