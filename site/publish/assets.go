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

// buildFile names the file of an asset folder that holds the build id.
const buildFile = "build-id"

// required names the files without which a page cannot run.
var required = []string{"index.html", "tweedie.js", "worker.js", "tweedie.wasm", "tweedie-likelihood.wasm", buildFile}

// extensions lists, for what is taken from an asset folder, its media type.
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

// Assets is a page before it has models: its files by name and its build id.
type Assets struct {
	Build string
	Files map[string][]byte
}

// LoadAssets reads the page from dir, or, if dir is "", the one that this
// program carries. The error names the files that are missing, and how to get them.
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
		return nil, errors.New("publish: this program was compiled without the page: build it with make, or name a folder that holds one with --page")
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("publish: %s: has no %s, which a page needs: make wasm puts them together", place, strings.Join(missing, ", "))
	}
	return a, nil
}

// maxAsset bounds one file of a page.
const maxAsset = 64 << 20

// readAssets reads the files of known extensions at the top of from.
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
		if info, err := e.Info(); err != nil || info.Size() > maxAsset {
			return nil, fmt.Errorf("%s: larger than %d bytes or unreadable: %w", name, maxAsset, err)
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

// checkBuild refuses a build id that could not stand in a URL or a string.
func checkBuild(id string) error {
	ok := len(id) >= 1 && len(id) <= 64
	for _, r := range id {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if !ok {
		return fmt.Errorf("build id is %q, need 1 to 64 of a-z, 0-9, '-' and '.'", id)
	}
	return nil
}
