//go:build !js

package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "tweedie"

// floors says on which floor a package stands. A package imports packages of the
// module from strictly lower floors only. A path that ends in … stands for every
// package below it; the entry without … goes before it.
var floors = map[string]int{
	"core/num":      0, // elementary functions, same bits on every target
	"core/minijson": 0, // plain data as JSON, without what encoding/json weighs in a page

	"core/floattest": 0, // comparisons for tests

	"core/rng":      1, // addressed noise
	"core/tensor":   1, // shape and storage
	"core/settings": 1, // what a setting is, and errors that name one
	"core/quant":    1, // the meaning of quantized bytes

	"core/picture":     1, // fits pictures to a model's shape
	"core/picturefile": 1, // decodes picture files

	"core/kernel":   2, // inner loops on slices
	"core/kernel/…": 2, // generators of its files

	"core/graph": 3, // the operations a network is written in
	"weights":    3, // the model file

	"core/autodiff": 4, // a Graph that records a tape
	"core/infer":    4, // a Graph that becomes a plan
	"core/nn":       4, // layers, written once against Graph

	"weights/lazytensor": 4, // a tensor of a foreign file, read when it is needed
	"weights/torch":      5, // reader of torch.save
	"weights/npy":        5, // reader of numpy.save
	"weights/checkpoint": 6, // any file of weights
	"weights/onnx":       6, // ONNX graphs as graph programs

	"core/readertest": 4, // helpers for the tests of file readers
	"core/dataset":    4, // pictures and labels for training
	"site/publish":    4, // builds and serves the static site
	"site/bundle":     4, // scripts and styles become the files of a site

	"core/text":        5, // tokenizers
	"core/autoencoder": 5, // pictures become latents, and latents pictures
	"core/unet":        5, // architectures
	"core/diffusion":   5, // processes, parametrizations, guidance

	"core/sampler":    6, // schedules and solvers
	"core/likelihood": 6, // bits per dimension
	"core/model":      6, // a model file becomes a network with its process and denoiser

	"core/modeltest": 7, // small models for tests

	"core/edit":     7, // inpainting, inverse problems
	"core/train":    7, // optimiser, averaging, resumable state
	"core/quantize": 7, // chooses the storage of each layer
	"core/gorgonia": 7, // bridge to gorgonia.org/tensor

	"core/lab":         8, // two-dimensional distributions with known scores
	"core/engine":      8, // turns a request into images
	"weights/importer": 8, // a foreign checkpoint becomes a model
	"weights/export":   8, // a model becomes a foreign checkpoint

	"tweedie": 9, // the module's root: the library's front door

	"core/httpapi":           9,  // the HTTP API, for the Worker and the native server
	"core/httpapi/apiserver": 10, // the native server

	"tools/internal/…": 8, // shared by the tools

	"tools/convert/internal/await":         8,  // leaves work behind when a command is stopped
	"tools/convert/internal/eval":          9,  // how near images come to a data set
	"tools/convert/internal/trainrun":      9,  // a training run on disk
	"tools/convert/internal/cmd/flags":     9,  // flags that commands share
	"tools/convert/internal/cmd/output":    9,  // files and text that commands write
	"tools/convert/internal/cmd/progress":  9,  // bars, and lines where there is no terminal
	"tools/convert/internal/cmd/modelfile": 10, // opens the models that commands work on
	"tools/convert/internal/cmd/…":         11, // a package for each family of commands
	"tools/convert/internal/cmd":           12, // the command line
	"tools/convert/internal/reference":     13, // writes docs/commands.md and docs/configuration.md
	"wasm/internal/…":                      8,  // shared by the Worker's tests and its development server

	"wasm/browser":  11, // the programs of the page
	"wasm/pictures": 11, // the page's decoder of picture files
	"wasm/worker":   11, // the program of the Cloudflare Worker
	"wasm/worker/…": 11, // runs the Worker on this machine
	"tools/convert": 13, // main of the command line
	"tools/schema":  11, // writes the files that are generated from the settings
	"tools/bundle":  11, // writes what site/bundle makes
	"tools/wasmopt": 11, // makes the page's program smaller
	"tools/picture": 11, // screenshots of the page, for README.md
	"tools/bench":   11, // benchmarks against other runtimes
	"tools/bench/…": 11, // the same, in a page
}

// standalone lists packages outside the floors: nothing imports them, and they
// may import anything. They hold tests or files to embed.
var standalone = []string{"core"}

// forbidden names what must not be linked: by a page's program, and by a program that
// only samples. A name that ends in … stands for every package below it, and the name
// "." for the module's root.
var forbidden = map[string][]string{
	"wasm/browser":  {"tweedie/core/train", "tweedie/core/gorgonia", "gorgonia.org/…", "google.golang.org/protobuf/…", "gonum.org/…", "net/http", "os/exec"},
	"wasm/pictures": {"tweedie/core/engine", "tweedie/core/model", "tweedie/weights", "net/http", "os/exec"},
	"wasm/worker":   {"tweedie/core/train", "tweedie/core/gorgonia", "gorgonia.org/…", "google.golang.org/protobuf/…", "gonum.org/…", "os/exec"},
	"core/httpapi":  {"tweedie/core/train", "tweedie/core/gorgonia", "gorgonia.org/…", "google.golang.org/protobuf/…", "gonum.org/…", "os/exec"},
	"core/engine":   {"tweedie/core/train", "tweedie/core/gorgonia", "gorgonia.org/…", "os/exec"},
	".":             {"tweedie/core/train", "tweedie/core/gorgonia", "tweedie/weights/onnx", "gorgonia.org/…", "google.golang.org/protobuf/…", "gonum.org/…", "net/http", "os/exec"},
}

// foreign names what core/engine and the packages of the module below it must
// not import themselves: it runs wherever it is called from.
var foreign = []string{"syscall/js", "os"}

// target is a way to build the module: build tags hide files from each other.
type target struct{ os, arch, experiment string }

var targets = []target{{"linux", "amd64", "simd"}, {"linux", "amd64", ""}, {"linux", "arm64", "simd"}, {"js", "wasm", "simd"}}

// listed is what this test reads of go list's answer.
type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
	DepOnly    bool
	Incomplete bool
}

// list runs go list over patterns in the module's root. -e keeps packages that
// have no file for the target from being errors.
func list(t *testing.T, to target, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Imports,Standard,DepOnly,Incomplete"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+to.os, "GOARCH="+to.arch, "GOEXPERIMENT="+to.experiment, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

// floor returns the floor of a package given by its path in the module.
func floor(name string) (int, bool) {
	if f, ok := floors[name]; ok {
		return f, true
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if f, ok := floors[path.Dir(dir)+"/…"]; ok {
			return f, true
		}
	}
	return 0, false
}

// breaches returns what is wrong with the imports of one package of the module.
func breaches(p listed) []string {
	name := strings.TrimPrefix(p.ImportPath, module+"/")
	if slices.Contains(standalone, name) {
		return nil
	}
	own, ok := floor(name)
	if !ok {
		return []string{fmt.Sprintf("%s: on no floor: add it to the table in core/layering_test.go", name)}
	}
	var wrong []string
	for _, path := range p.Imports {
		imported, inside := strings.CutPrefix(path, module+"/")
		if !inside && path != module {
			continue
		}
		if f, ok := floor(imported); !ok || f >= own {
			wrong = append(wrong, fmt.Sprintf("%s (floor %d) imports %s (floor %d), which must be on a lower floor", name, own, imported, f))
		}
	}
	return wrong
}

// TestLayering holds every package to its floor, on every kind of target.
func TestLayering(t *testing.T) {
	for _, to := range targets {
		t.Run(fmt.Sprintf("%s-%s-%s", to.os, to.arch, to.experiment), func(t *testing.T) {
			packages := list(t, to, "./...")
			if len(packages) == 0 {
				t.Fatal("go list names no package")
			}
			for _, p := range packages {
				for _, wrong := range breaches(p) {
					t.Error(wrong)
				}
			}
		})
	}
}

// TestLayeringSeesBreaches is the test of the test.
func TestLayeringSeesBreaches(t *testing.T) {
	for _, c := range []struct {
		name    string
		imports []string
		want    int
	}{
		{"core/sampler", []string{"fmt", "tweedie/core/tensor", "tweedie/core/diffusion"}, 0},
		{"core/sampler", []string{"tweedie/core/likelihood"}, 1}, // its own floor
		{"core/tensor", []string{"tweedie/core/kernel"}, 1},
		{"core/tensor", []string{"tweedie/core/nowhere"}, 1},
		{"core/nowhere", nil, 1},
		{"site/publish", []string{"tweedie/weights", "tweedie/core/dataset"}, 1},
		{"tools/convert/internal/cmd/deeper", []string{"tweedie/weights"}, 0},
	} {
		if got := breaches(listed{ImportPath: module + "/" + c.name, Imports: c.imports}); len(got) != c.want {
			t.Errorf("%s importing %v: got %v, want %d breaches", c.name, c.imports, got, c.want)
		}
	}
}

// TestNothingHeavyIsLinked walks everything that the packages of forbidden link.
func TestNothingHeavyIsLinked(t *testing.T) {
	for name, banned := range forbidden {
		for _, to := range []target{{"js", "wasm", "simd"}, {"linux", "amd64", "simd"}} {
			for _, p := range list(t, to, "-deps", "./"+name) {
				for _, b := range banned {
					below, tree := strings.CutSuffix(b, "…")
					if p.ImportPath == b || tree && strings.HasPrefix(p.ImportPath+"/", below) {
						t.Errorf("%s links %s on %s, which it must not", name, p.ImportPath, to.os)
					}
				}
			}
		}
	}
}

// TestEngineKnowsNoHost holds core/engine, and all it stands on, to plain
// computing.
func TestEngineKnowsNoHost(t *testing.T) {
	if _, err := os.Stat("../core/engine"); os.IsNotExist(err) {
		return
	}
	for _, p := range list(t, target{"js", "wasm", "simd"}, "-deps", "./core/engine") {
		if !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		for _, name := range foreign {
			if slices.Contains(p.Imports, name) {
				t.Errorf("%s imports %s, which nothing that core/engine stands on may", p.ImportPath, name)
			}
		}
	}
}
