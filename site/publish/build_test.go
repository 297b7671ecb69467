package publish

import (
	"context"
	"encoding/json"
	"encoding/json/jsontext"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/weights"
)

// toyPage writes a folder with the least that is a page.
func toyPage(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html":              `<body data-model="models/mnist.json"><a href="models/mnist.md">` + strings.Repeat("x", 200),
		"tweedie.js":              strings.Repeat("// text to compress\n", 50),
		"worker.js":               "// a worker\n",
		"tweedie.wasm":            "\x00asm" + strings.Repeat("code", 1000),
		"tweedie-likelihood.wasm": "\x00asm and more", "tweedie-pictures.wasm": "\x00asm of pictures",
		"build-id": "0123abcd\n",
		"notes":    "not shipped",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// toyModel writes a model of one tensor and returns its manifest's path.
func toyModel(t *testing.T, name string, value float32) string {
	return toyOf(t, name, value, `{"arch":"none"}`)
}

// toyOf is that of a model with a configuration.
func toyOf(t *testing.T, name string, value float32, config string) string {
	path := filepath.Join(t.TempDir(), name+".json")
	tensor, err := weights.Quantize("w", []int{2, 2}, []float32{value, 2, 3, 4}, weights.Storage{DType: weights.F32})
	if err != nil {
		t.Fatal(err)
	}
	m := &weights.Manifest{Name: name, Config: jsontext.Value(config), Card: jsontext.Value(`{"data":"toy"}`)}
	if err := weights.Write(path, m, []weights.Tensor{tensor}); err != nil {
		t.Fatal(err)
	}
	return path
}

// toySite builds a site of two models and returns its folder.
func toySite(t *testing.T) string {
	out := filepath.Join(t.TempDir(), "dist")
	_, err := Build(t.Context(), Options{Page: toyPage(t), Models: []string{toyModel(t, "toy", 1), toyModel(t, "more", 5)}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A classifier is offered with the models of its shape, classes and noise levels, and
// with none else; it is no model to choose.
func TestBuildOffersClassifiers(t *testing.T) {
	const suits, other = `"shape":[1,8,8],"classes":["a","b"],"sigma_min":0.1,"sigma_max":40`, `"shape":[3,8,8],"sigma_min":0.1,"sigma_max":40`
	out := filepath.Join(t.TempDir(), "dist")
	judge := toyOf(t, "judge", 9, `{"arch":"classifier",`+suits+`}`)
	_, err := Build(t.Context(), Options{Page: toyPage(t), Out: out, Models: []string{
		judge,
		toyOf(t, "same", 1, `{"arch":"none",`+suits+`}`),
		toyOf(t, "shape", 2, `{"arch":"none",`+other+`}`),
		toyOf(t, "levels", 3, `{"arch":"none","shape":[1,8,8],"sigma_min":0.1,"sigma_max":41}`),
		toyOf(t, "unit", 4, `{"arch":"none","shape":[1,8,8],"unit_pixels":true,"sigma_min":0.05,"sigma_max":20}`),
		toyOf(t, "classes", 5, `{"arch":"none","shape":[1,8,8],"classes":["b","a"],"sigma_min":0.1,"sigma_max":40}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var index struct{ Models []entry }
	if err := json.Unmarshal([]byte(read(t, out, "models", "index.json")), &index); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, m := range index.Models {
		got += m.Name
		if g := m.Classifier; g != nil {
			got += fmt.Sprintf(" by %s of %q", g.File, g.Classes)
		}
		got += "\n"
	}
	if want := "same by judge.json of [\"a\" \"b\"]\nshape\nlevels\nunit by judge.json of [\"a\" \"b\"]\nclasses\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if !strings.Contains(read(t, out, "index.html"), `data-model="models/same.json"`) {
		t.Error("the page does not open the first model that draws")
	}
	if _, err := Build(t.Context(), Options{Page: toyPage(t), Out: out, Models: []string{judge}}); err == nil || !strings.Contains(err.Error(), "a site needs at least one model that generates images") {
		t.Errorf("a site of a classifier: got %v", err)
	}
}

func TestBuild(t *testing.T) {
	out := toySite(t)
	for name, want := range map[string]string{
		"worker.js":         "// a worker\n",
		"index.html":        `<body data-model="models/toy.json"><a href="models/toy.md">`,
		"build.json":        `{"build":"0123abcd"}`,
		"models/toy.md":     "# toy\n",
		"models/toy.json":   `"tweedie-model"`,
		"models/index.json": `"title": "toy"`,
		"_headers":          "/*\n  Content-Security-Policy: default-src 'none';",
	} {
		if got := read(t, out, name); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want it to hold %q", name, got, want)
		}
	}
	for _, name := range []string{"notes", "build-id"} {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s was shipped", name)
		}
	}
	for _, name := range []string{"index.html", "tweedie.js", "tweedie.wasm"} {
		if !unpacksTo([]byte(read(t, out, name+".br")), []byte(read(t, out, name))) {
			t.Errorf("%s.br does not unpack to %s", name, name)
		}
	}
	if m, err := weights.Open(filepath.Join(out, "models", "more.json")); err != nil || m.Parameters() != 4 {
		t.Errorf("the copied model does not open: %v", err)
	}
}

// TestBuildForAService: a site in front of which a service stands has links with a
// preview, no compressed copies, and shards that its host keeps for ever.
func TestBuildForAService(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	o := Options{Page: toyPage(t), Models: []string{toyModel(t, "toy", 1)}, Out: out, Share: true, Plain: true}
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := read(t, out, "index.html"); !strings.HasPrefix(got, `<body data-share="s/" data-model="models/toy.json">`) {
		t.Errorf("index.html: %.100q", got)
	}
	if packed, _ := filepath.Glob(filepath.Join(out, "*.br")); len(packed) > 0 {
		t.Errorf("compressed %v", packed)
	}
	if got := read(t, out, "_headers"); !strings.HasSuffix(got, "\n/models/*.safetensors.zst\n  Cache-Control: public, max-age=31536000, immutable\n") {
		t.Errorf("_headers: %q", got)
	}
}

// TestBuildReplacesOnlySites builds over a site, and over a folder that is none.
func TestBuildReplacesOnlySites(t *testing.T) {
	out := toySite(t)
	os.WriteFile(filepath.Join(out, "left-over.txt"), nil, 0o666)
	o := Options{Page: toyPage(t), Models: []string{toyModel(t, "next", 1)}, Out: out}
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"left-over.txt", "models/toy.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	o.Out = t.TempDir()
	os.WriteFile(filepath.Join(o.Out, "thesis.tex"), []byte("years of work"), 0o666)
	if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "contains files that are not a site") {
		t.Errorf("got %v, want a refusal", err)
	}
	if read(t, o.Out, "thesis.tex") != "years of work" {
		t.Error("the folder was touched")
	}
}

func TestBuildErrors(t *testing.T) {
	empty, bent := t.TempDir(), toyPage(t)
	os.Remove(filepath.Join(bent, "tweedie.wasm"))
	wrongID := toyPage(t)
	os.WriteFile(filepath.Join(wrongID, "build-id"), []byte("a'b"), 0o666)
	broken, missing := toyModel(t, "broken", 1), toyModel(t, "missing", 1)
	shard := func(manifest string) string {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(manifest), "*.zst"))
		return found[0]
	}
	data, _ := os.ReadFile(shard(broken))
	data[len(data)/2] ^= 1
	os.WriteFile(shard(broken), data, 0o666)
	os.Remove(shard(missing))
	spaced := filepath.Join(filepath.Dir(broken), "a b.json")
	os.Rename(toyModel(t, "a", 1), spaced)
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no model", Options{Page: toyPage(t)}, "a site needs at least one model"},
		{"empty page", Options{Page: empty, Models: []string{"x"}}, "the page lacks index.html, tweedie.js"},
		{"no wasm", Options{Page: bent, Models: []string{"x"}}, "the page lacks tweedie.wasm: build it with make wasm"},
		{"build id", Options{Page: wrongID, Models: []string{"x"}}, `(got "a'b")`},
		{"no such model", Options{Page: toyPage(t), Models: []string{"nowhere.json"}}, "nowhere.json"},
		{"flipped bit", Options{Page: toyPage(t), Models: []string{broken}}, "SHA-256 must be"},
		{"missing shard", Options{Page: toyPage(t), Models: []string{missing}}, "no such file"},
		{"same name", Options{Page: toyPage(t), Models: []string{toyModel(t, "a", 1), toyModel(t, "a", 2)}}, `two models have a file "a.json"`},
		{"model name", Options{Page: toyPage(t), Models: []string{spaced}}, `index.json (got "a b.json")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Out = filepath.Join(t.TempDir(), "dist")
			_, err := Build(t.Context(), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want one with %q", err, c.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(c.o.Out)); len(left) != 0 {
				t.Errorf("left %v behind", left)
			}
		})
	}
}

func TestBuildStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := filepath.Join(t.TempDir(), "dist")
	_, err := Build(ctx, Options{Page: toyPage(t), Models: []string{toyModel(t, "toy", 1)}, Out: out})
	if err == nil {
		t.Error("built a site after being cancelled")
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("left a site behind")
	}
}
