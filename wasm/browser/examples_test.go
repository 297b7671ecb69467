//go:build !js

package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/cli"
)

// TestExamples builds the examples of docs/examples with their bundlers, as their
// package.json says, and opens them: they draw the bytes of the native engine.
func TestExamples(t *testing.T) {
	s, err := sites()
	if err != nil {
		t.Fatal(err)
	}
	f := openFile(t, "../../weights/models/mnist.json")
	want := f.sum(t, `{"n": 4, "seed": 7, "class": 3, "steps": 10}`)
	for _, c := range []struct {
		name, models string // folder for the models
		build        func(t *testing.T, dir, script string)
	}{
		{"esbuild", "models", buildWithESBuild},
		{"vite", "public/models", buildWithVite},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("../../docs/examples/"+c.name)); err != nil {
				t.Fatal(err)
			}
			put := func(name string, data []byte) {
				t.Helper()
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"tweedie.js", "tweedie.d.ts", "worker.js", "tweedie.wasm", "tweedie-likelihood.wasm"} {
				put("tweedie/"+name, s.files["/"+name])
			}
			put(c.models+"/mnist.json", f.manifest)
			for i, shard := range f.shards {
				put(c.models+"/"+f.parsed.Shards[i].File, shard)
			}
			var about struct{ Scripts struct{ Build string } }
			data, err := os.ReadFile(filepath.Join(dir, "package.json"))
			if err == nil {
				err = json.Unmarshal(data, &about)
			}
			if err != nil {
				t.Fatal(err)
			}
			c.build(t, dir, about.Scripts.Build)
			if got := s.visitExample(t, filepath.Join(dir, "dist")); got != want {
				t.Errorf("the page drew %s, want %s", got, want)
			}
		})
	}
}

// buildWithESBuild runs a script whose first command is esbuild, with the esbuild of go.mod.
func buildWithESBuild(t *testing.T, dir, script string) {
	t.Chdir(dir)
	command, rest, _ := strings.Cut(script, " && ")
	if args := strings.Fields(command); args[0] != "esbuild" || cli.Run(args[1:]) != 0 {
		t.Fatalf("%s failed", command)
	}
	if text, err := exec.Command("sh", "-c", rest).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", rest, err, text)
	}
}

// buildWithVite runs a script with the programs that npm has installed in TWEEDIE_VITE.
func buildWithVite(t *testing.T, dir, script string) {
	installed := os.Getenv("TWEEDIE_VITE")
	if installed == "" {
		t.Skip("TWEEDIE_VITE is not set: make test sets it to a folder in which npm has installed Vite")
	}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH=node_modules/.bin"+string(os.PathListSeparator)+os.Getenv("PATH"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, text)
	}
}

// visitExample opens the page in a folder and returns the SHA-256 that it shows.
func (s *site) visitExample(t *testing.T, folder string) (sum string) {
	t.Helper()
	files := http.FileServer(http.Dir(folder))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/run/") || strings.HasPrefix(r.URL.Path, "/answer/") || r.URL.Path == "/tweedie.js" { // of run
			s.ServeHTTP(w, r)
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	b, err := browsers()
	if err != nil {
		t.Fatal(err)
	}
	tab, err := b.open(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer tab.close()
	page{s, tab}.run(t, &sum, `
		const text = document.querySelector('p')
		while (!/^[0-9a-f]{64}$/.test(text.textContent)) await new Promise((resolve) => setTimeout(resolve, 20))
		return text.textContent`)
	return sum
}
