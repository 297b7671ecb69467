package engine

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// TestGolden holds the bytes of every sampler to testdata/samples.txt. The same
// file serves natively, with vectors and without, and in wasm: what it guards is
// that they agree, and that a seed keeps its image from version to version.
func TestGolden(t *testing.T) {
	const path = "testdata/samples.txt"
	var got strings.Builder
	for _, m := range sampler.Methods {
		for _, eta := range []float64{0, 0.5} {
			r := Request{N: new(4), First: 1, Seed: 1 << 40, Sampler: m.Name, Class: Classes{"light", "none", "dark"}, Guidance: new(2.5)}
			if eta != 0 {
				r.Eta = &eta
			}
			if eta != 0 && !m.Eta {
				continue
			}
			fmt.Fprintf(&got, "%s eta=%g %s\n", m.Name, eta, mustSample(t, New(testInfo(), newGaussian(), Options{}), r).SHA256())
		}
	}
	golden(t, path, got.String())
}

// golden compares a text with a file's. TWEEDIE_GOLDEN=write rewrites the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
