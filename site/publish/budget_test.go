package publish

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// budget is the most bytes that a visitor downloads before the first image, with brotli.
const budget = 2_500_000

// TestSizeBudget adds up the site that make test has built: all files of the page and its
// first model, as sent with brotli. Other models and the programs for likelihoods and pictures are not
// counted: they are fetched when a visitor asks for them, as a test of wasm/browser checks.
func TestSizeBudget(t *testing.T) {
	dist := os.Getenv("TWEEDIE_DIST")
	if dist == "" {
		t.Skip("TWEEDIE_DIST is not set: make test sets it to a site")
	}
	var index struct{ Models []entry }
	if err := json.Unmarshal([]byte(read(t, dist, "models", "index.json")), &index); err != nil {
		t.Fatal(err)
	}
	var total int
	var lines []string
	err := filepath.WalkDir(dist, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".br") || strings.HasSuffix(path, ".gz") {
			return err
		}
		name, _ := filepath.Rel(dist, path)
		if name == "tweedie-likelihood.wasm" || name == "tweedie-pictures.wasm" {
			return nil
		}
		if base, ok := strings.CutPrefix(filepath.ToSlash(name), "models/"); ok && ofOther(base, index.Models) {
			return nil
		}
		info, err := os.Stat(path + ".br")
		if err != nil {
			info, err = e.Info()
		}
		if err != nil {
			return err
		}
		total += int(info.Size())
		lines = append(lines, fmt.Sprintf("%s: %d", name, info.Size()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of %d", total, budget)
	if total > budget {
		slices.Sort(lines)
		t.Errorf("the page must have at most %d bytes with brotli (got %d):\n%s", budget, total, strings.Join(lines, "\n"))
	}
}

// ofOther reports whether a file of the models folder belongs to a model that is not the
// first, or to a classifier.
func ofOther(base string, models []entry) bool {
	for i, m := range models {
		if i > 0 && strings.HasPrefix(base, strings.TrimSuffix(m.File, "json")) {
			return true
		}
		if m.Classifier != nil && strings.HasPrefix(base, strings.TrimSuffix(m.Classifier.File, "json")) {
			return true
		}
	}
	return false
}
