package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// inputs are the folders and files of the module that decide what the page's files are.
var inputs = []string{"Makefile", "core", "go.mod", "go.sum", "site", "tools/bundle", "tools/wasmopt", "wasm", "weights"}

// without are the folders among them that do not.
var without = []string{"site/publish", "site/test", "weights/models"}

// BuildID returns the build id of the module at root: 12 hexadecimal digits of a hash of
// the sources. The same sources have the same id on every machine.
func BuildID(root string) (string, error) {
	module := os.DirFS(root)
	all := sha256.New()
	for _, input := range inputs {
		err := fs.WalkDir(module, input, func(name string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && (slices.Contains(without, name) || path.Base(name) == "testdata"):
				return fs.SkipDir
			case !e.Type().IsRegular() || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(path.Base(name), "."):
				return nil
			}
			f, err := module.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			one := sha256.New()
			if _, err := io.Copy(one, f); err != nil {
				return err
			}
			fmt.Fprintf(all, "%x  %s\n", one.Sum(nil), name)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("bundle: build id: %w", err)
		}
	}
	return hex.EncodeToString(all.Sum(nil))[:12], nil
}
