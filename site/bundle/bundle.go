// Package bundle turns the sources of the page and of the JavaScript module into the
// files of a site: one script and one style sheet for the page, tweedie.js and its
// worker as stand-alone modules, all minified by esbuild.
package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// Sources names what is bundled.
type Sources struct {
	Site     string // the folder site/
	WasmExec string // wasm_exec.js of the toolchain that compiles tweedie.wasm
	Build    string // the build id, which tweedie.js, worker.js and the wasm compare
}

// entries are the files that esbuild makes, each with the source that it starts from.
var entries = []struct {
	name, source string
	options      api.BuildOptions
}{
	// A classic script that runs before the page is drawn, in syntax that old browsers read.
	{"boot.js", "page/boot.js", api.BuildOptions{Format: api.FormatIIFE, Target: api.ES5}},
	{"page.js", "page/main.js", api.BuildOptions{Format: api.FormatESModule, Target: api.ES2022}},
	{"tweedie.js", "lib/tweedie.js", api.BuildOptions{Format: api.FormatESModule, Target: api.ES2022}},
	{"worker.js", "lib/worker.js", api.BuildOptions{Format: api.FormatESModule, Target: api.ES2022, Banner: map[string]string{"js": goNotice}}},
	{"style.css", "styles/style.css", api.BuildOptions{}},
}

// goNotice keeps the copyright notice of wasm_exec.js, which worker.js contains.
const goNotice = "/* Contains wasm_exec.js, Copyright 2018 The Go Authors, BSD-style license: https://go.dev/LICENSE */"

// copied are the files that a site has as they stand.
var copied = []string{"page/index.html", "page/favicon.svg", "lib/tweedie.d.ts"}

// Files returns the files of a site by name, without its wasm and its models. It does
// not write anything. The error has every message of esbuild.
func Files(s Sources) (map[string][]byte, error) {
	wasmExec, err := filepath.Abs(s.WasmExec)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	files := map[string][]byte{}
	for _, name := range copied {
		if files[filepath.Base(name)], err = os.ReadFile(filepath.Join(s.Site, name)); err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
	}
	for _, e := range entries {
		o := e.options
		o.EntryPoints = []string{filepath.Join(s.Site, e.source)}
		o.Plugins = []api.Plugin{plugin(wasmExec, s.Build)}
		if files[e.name], err = build(o); err != nil {
			return nil, fmt.Errorf("bundle: %s: %w", e.name, err)
		}
	}
	return files, nil
}

// build runs esbuild for one entry point.
func build(o api.BuildOptions) ([]byte, error) {
	o.Bundle = true
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = true, true, true
	o.Charset = api.CharsetUTF8
	o.LegalComments = api.LegalCommentsNone
	o.Outfile = "out" // named, not written
	r := api.Build(o)
	var errs []error
	for _, m := range append(r.Errors, r.Warnings...) {
		text := m.Text
		if m.Location != nil {
			text = fmt.Sprintf("%s:%d: %s", m.Location.File, m.Location.Line, m.Text)
		}
		errs = append(errs, errors.New(text))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r.OutputFiles[0].Contents, nil
}

// plugin resolves what has no file of its own: the page imports the module by its
// address, worker.js contains the toolchain's wasm_exec.js, and lib/build.js holds the
// build id.
func plugin(wasmExec, build string) api.Plugin {
	return api.Plugin{Name: "tweedie", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: `/tweedie\.js$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			if a.Kind != api.ResolveJSDynamicImport {
				return api.OnResolveResult{}, nil
			}
			return api.OnResolveResult{Path: "./tweedie.js", External: true}, nil
		})
		b.OnResolve(api.OnResolveOptions{Filter: `/wasm_exec\.js$`}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: wasmExec, SideEffects: api.SideEffectsTrue}, nil
		})
		b.OnLoad(api.OnLoadOptions{Filter: `[/\\]lib[/\\]build\.js$`}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
			text := fmt.Sprintf("export const BUILD = %q", build)
			return api.OnLoadResult{Contents: &text}, nil
		})
	}}
}
