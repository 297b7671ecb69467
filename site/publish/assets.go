package publish

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// built holds the page as make wrote it before it compiled this package: the scripts
// and styles of site/bundle, the wasm and the build id.
//
//go:embed all:built
var built embed.FS

// buildFile is the file with the build id.
const buildFile = "build-id"

// required names the files without which a page cannot run.
var required = []string{"index.html", "tweedie.js", "worker.js", "tweedie.wasm", "tweedie-likelihood.wasm", "tweedie-pictures.wasm", buildFile}

// extensions has the media type of every kind of file in a site.
var extensions = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".ts":          "text/plain; charset=utf-8", // declarations, for editors
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".md":          "text/markdown; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
	".wasm":        "application/wasm",
	".zst":         "application/zstd",
	".webmanifest": "application/manifest+json",
}

// Assets is a page without models: its files by name and its build id.
type Assets struct {
	Build string
	Files map[string][]byte
}

// LoadAssets reads the page from dir or, if dir is "", from this program. The error names
// the missing files and the command that makes them.
func LoadAssets(dir string) (*Assets, error) {
	from, place := fs.FS(os.DirFS(dir)), fmt.Sprintf("%q", dir)
	if dir == "" {
		sub, err := fs.Sub(built, "built")
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		from, place = sub, "this program"
	}
	a, err := readAssets(from)
	if err != nil {
		return nil, fmt.Errorf("publish: %s: %w", place, err)
	}
	var missing []string
	for _, name := range required {
		if name == buildFile && a.Build != "" || a.Files[name] != nil {
			continue
		}
		missing = append(missing, name)
	}
	if len(missing) == len(required) && dir == "" {
		return nil, errors.New("publish: this program was compiled without the page: build it with make, or name the folder of a page with --page")
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("publish: %s: the page lacks %s: build it with make wasm", place, strings.Join(missing, ", "))
	}
	return a, nil
}

// maxAsset is the largest size of a file of a page.
const maxAsset = 64 << 20

// readAssets reads the files with known extensions in the folder from.
func readAssets(from fs.FS) (*Assets, error) {
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return nil, err
	}
	a := &Assets{Files: map[string][]byte{}}
	for _, e := range entries {
		name := e.Name()
		if name != buildFile && extensions[path.Ext(name)] == "" || e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if info.Size() > maxAsset {
			return nil, fmt.Errorf("%s: the file must have at most %d bytes (got %d)", name, maxAsset, info.Size())
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, err
		}
		if name == buildFile {
			a.Build = strings.TrimSpace(string(data))
			if err := checkBuild(a.Build); err != nil {
				return nil, err
			}
			continue
		}
		a.Files[name] = data
	}
	return a, nil
}

// checkBuild refuses a build id that would have to be escaped in a URL.
func checkBuild(id string) error {
	ok := len(id) >= 1 && len(id) <= 64
	for _, r := range id {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if !ok {
		return fmt.Errorf("the build id must have 1 to 64 characters of a-z, 0-9, '-' and '.' (got %q)", id)
	}
	return nil
}
