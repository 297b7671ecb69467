//go:build !js

package weights

import (
	"encoding/json/jsontext"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestWriteRemovesStaleFiles: a complete write removes the files that a killed writer left,
// and no others.
func TestWriteRemovesStaleFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, v byte) {
		t.Helper()
		m := &Manifest{Name: "m", Config: jsontext.Value(`{}`)}
		if err := Write(filepath.Join(dir, name), m, []Tensor{{Name: "a", DType: F32, Shape: []int{1}, Data: []byte{0, 0, v, 0}}}); err != nil {
			t.Fatal(err)
		}
	}
	write("m.json", 1)
	if err := os.Rename(filepath.Join(dir, "m.json"), filepath.Join(dir, "kept.json")); err != nil {
		t.Fatal(err)
	}
	const hash = ".01234567" + ShardSuffix
	left := []string{"m.000" + hash, "m.063" + hash, ".m.json.123.tmp", ".m.001" + hash + ".9.tmp"}
	others := []string{"m.x.000" + hash, "m.0000" + hash, "n.000" + hash, ".n.json.123.tmp", ".m.json.tmp", "m.000.tmp", "m.000.0123456g" + ShardSuffix}
	young := "m.002" + hash
	for _, name := range append(slices.Concat(left, others), young) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if old := time.Now().Add(-2 * time.Hour); name != young {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("m.json", 2)
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was not removed", name)
		}
	}
	for _, name := range append(others, young) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"kept.json", "m.json"} {
		if _, err := Open(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
