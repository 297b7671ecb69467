package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Options says what site to build.
type Options struct {
	Page   string   // folder with the page; "" means the page in this program
	Models []string // manifests; the page opens the first; a classifier is offered with the models that it can guide
	Out    string   // folder of the site; replaced as a whole if it holds one
	Share  bool     // links to a run are /s/…, which core/httpapi answers, with a preview
	Plain  bool     // no compressed copies: the host compresses
	Origin string   // whose pages may load the module and the models, or AnyOrigin; "" means the site's own alone
	Docs   string   // folder of Markdown that becomes pages below docs/; "" means none
}

// File is a file of a site, as built.
type File struct {
	Name   string `json:"file"`
	Bytes  int    `json:"bytes"`
	Brotli int    `json:"brotli,omitempty"` // bytes of its copy NAME.br; 0 if there is none
	Gzip   int    `json:"gzip,omitempty"`   // bytes of its copy NAME.gz; 0 if there is none
}

// Sent returns how many bytes are sent to a browser that accepts brotli.
func (f File) Sent() int {
	if f.Brotli > 0 {
		return f.Brotli
	}
	return f.Bytes
}

// Build makes a site: the page, each model with its shards and card after every hash
// is verified, and a brotli and a gzip copy of each file that they make smaller. The site
// is built in a temporary folder next to Out, which replaces Out at the end; on an error,
// and if ctx ends, Out is unchanged. Compressed copies of large files are kept in the
// user's cache folder for the next build. It returns the files in sorted order. It is an
// error if Out is a folder that contains anything but a site.
func Build(ctx context.Context, o Options) ([]File, error) {
	if o.Origin != "" {
		if err := CheckOrigins([]string{o.Origin}); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
	}
	if err := replaceable(o.Out); err != nil {
		return nil, err
	}
	content, err := contents(ctx, o)
	if err != nil {
		return nil, err
	}
	out := filepath.Clean(o.Out)
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+"-")
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	files, err := write(ctx, temp, content, o.Plain)
	if err != nil {
		return nil, err
	}
	return files, swap(temp, out)
}

// contents returns every file of the site by name, without the compressed ones.
func contents(ctx context.Context, o Options) (map[string][]byte, error) {
	if len(o.Models) == 0 {
		return nil, errors.New("publish: a site needs at least one model")
	}
	assets, err := LoadAssets(o.Page)
	if err != nil {
		return nil, err
	}
	content := maps.Clone(assets.Files)
	var entries, classifiers []entry
	for _, manifest := range o.Models {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		m, err := readModel(manifest)
		if err != nil {
			return nil, err
		}
		for name, data := range m.files {
			if other, ok := content["models/"+name]; ok && !bytes.Equal(other, data) {
				return nil, fmt.Errorf("publish: two models have a file %q: rename one of them", name)
			}
			content["models/"+name] = data
		}
		if m.config.Arch == "classifier" {
			classifiers = append(classifiers, m.entry)
		} else {
			entries = append(entries, m.entry)
		}
	}
	if len(entries) == 0 {
		return nil, errors.New("publish: a site needs at least one model that generates images (got only classifiers)")
	}
	for i := range entries {
		for _, c := range classifiers {
			if c.config.guides(entries[i].config) {
				entries[i].Classifier = &guide{c.File, c.config.Classes, c.Bytes}
				break
			}
		}
	}
	if content["index.html"], err = opening(content["index.html"], entries[0].File); err != nil {
		return nil, err
	}
	if o.Share {
		content["index.html"] = bytes.Replace(content["index.html"], []byte("<body "), []byte(`<body data-share="s/" `), 1)
	}
	if o.Docs != "" {
		pages, err := documentation(o.Docs)
		if err != nil {
			return nil, err
		}
		maps.Copy(content, pages)
		content["index.html"] = bytes.Replace(content["index.html"], []byte(`<a href="docs/index.html" hidden>`), []byte(`<a href="docs/index.html">`), 1)
	}
	index, err := json.MarshalIndent(map[string]any{"models": entries}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	info, err := json.Marshal(map[string]string{"build": assets.Build})
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	content["models/index.json"] = append(index, '\n')
	content["build.json"] = append(info, '\n')
	content["_headers"] = headersFile(o.Origin)
	return content, nil
}

// opening returns index.html with the given manifest as the model that it opens, and the
// link to its card. The source of the page opens models/mnist.json.
func opening(html []byte, manifest string) ([]byte, error) {
	const asWritten = `data-model="models/mnist.json"`
	if !bytes.Contains(html, []byte(asWritten)) {
		return nil, fmt.Errorf("publish: index.html must contain %s, which is replaced by the model", asWritten)
	}
	text := strings.ReplaceAll(string(html), asWritten, `data-model="models/`+manifest+`"`)
	text = strings.ReplaceAll(text, `href="models/mnist.md"`, `href="models/`+cardName(manifest)+`"`)
	return []byte(text), nil
}

// replaceable returns an error unless out does not exist, is an empty folder, or is a site.
func replaceable(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case os.IsNotExist(err) || err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("publish: %w", err)
	}
	if _, err := os.Stat(filepath.Join(out, "build.json")); err != nil {
		return fmt.Errorf("publish: %q contains files that are not a site and would be replaced: choose another folder", out)
	}
	return nil
}

// swap renames the folder temp to out and removes the old folder.
func swap(temp, out string) error {
	old := temp + ".old"
	err := os.Rename(out, old)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("publish: %w", err)
	}
	replaced := err == nil
	if err := os.Rename(temp, out); err != nil {
		if replaced {
			err = errors.Join(err, os.Rename(old, out))
		}
		return fmt.Errorf("publish: %w", err)
	}
	return os.RemoveAll(old)
}

// write writes the files of content to dir, on all cores, and unless plain the compressed
// copies that are smaller. It returns the cause of ctx if that ends before.
func write(ctx context.Context, dir string, content map[string][]byte, plain bool) ([]File, error) {
	names := slices.Sorted(maps.Keys(content))
	files, errs := make([]File, len(names)), make([]error, len(names))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() == nil {
				files[i], errs[i] = writeFile(ctx, dir, name, content[name], plain)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return files, errors.Join(errs...)
}

func writeFile(ctx context.Context, dir, name string, data []byte, plain bool) (File, error) {
	target := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return File{}, fmt.Errorf("publish: %w", err)
	}
	if err := os.WriteFile(target, data, 0o666); err != nil {
		return File{}, fmt.Errorf("publish: %w", err)
	}
	file := File{Name: name, Bytes: len(data)}
	if plain || !compressible(name) {
		return file, nil
	}
	sizes := make([]int, len(codings))
	for i, coding := range codings {
		packed, err := coding.compress(ctx, data)
		if err != nil {
			return File{}, fmt.Errorf("publish: compressing %s with %s: %w", name, coding.name, err)
		}
		if len(packed) >= len(data) {
			continue
		}
		if err := os.WriteFile(target+coding.suffix, packed, 0o666); err != nil {
			return File{}, fmt.Errorf("publish: %w", err)
		}
		sizes[i] = len(packed)
	}
	file.Brotli, file.Gzip = sizes[0], sizes[1]
	return file, nil
}
