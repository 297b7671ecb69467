package bundle

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sources are the module's own.
func sources(t *testing.T) Sources {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return Sources{Site: "..", WasmExec: filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), Build: "0123abcd"}
}

// TestFiles: the page is one script and one style sheet besides boot.js; the module and
// its worker carry the build id and import nothing that is not a file of the site.
func TestFiles(t *testing.T) {
	s := sources(t)
	files, err := Files(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"boot.js":      "tweedie-theme",
		"page.js":      `import("./tweedie.js")`,
		"tweedie.js":   `new URL("./worker.js",import.meta.url)`,
		"worker.js":    "The Go Authors",
		"style.css":    "--accent",
		"index.html":   `<script type="module" src="page.js">`,
		"tweedie.d.ts": "export function load",
		"favicon.svg":  "<svg",
	} {
		if !bytes.Contains(files[name], []byte(want)) {
			t.Errorf("%s: got %.200q, want it to contain %q", name, files[name], want)
		}
	}
	for name, data := range files {
		hasID := bytes.Contains(data, []byte(s.Build))
		if want := name == "tweedie.js" || name == "worker.js"; hasID != want {
			t.Errorf("%s: contains the build id: got %v, want %v", name, hasID, want)
		}
		if name != "index.html" && bytes.Contains(data, []byte("from\"")) {
			t.Errorf("%s imports another file", name)
		}
	}
	if len(files) != 8 {
		t.Errorf("got %d files, want 8", len(files))
	}
	again, err := Files(s)
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !bytes.Equal(files[name], again[name]) {
			t.Errorf("%s: two builds of the same sources differ", name)
		}
	}
}

// TestFilesErrors: a script that cannot be read is named with its line.
func TestFilesErrors(t *testing.T) {
	s := sources(t)
	s.Site = t.TempDir()
	if _, err := Files(s); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("empty folder: got %v", err)
	}
	for _, folder := range []string{"lib", "page", "styles"} {
		if err := os.CopyFS(filepath.Join(s.Site, folder), os.DirFS(filepath.Join("..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	broken := filepath.Join(s.Site, "lib", "pool.js")
	if err := os.WriteFile(broken, []byte("\nexport const ="), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Files(s); err == nil || !strings.Contains(err.Error(), "pool.js:2: ") {
		t.Errorf("broken script: got %v, want one with pool.js:2", err)
	}
}

// TestBuildID: the id depends on what a source contains and is called, and not on tests.
func TestBuildID(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		id, _ := BuildID(root) // an error while inputs are missing
		return id
	}
	for _, input := range inputs {
		if input == "Makefile" || strings.HasPrefix(input, "go.") {
			write(input, "x")
		} else {
			write(input+"/x.go", "x")
		}
	}
	first := write("Makefile", "x")
	if len(first) != 12 || first != write("Makefile", "x") {
		t.Errorf("got %q, want the same 12 digits twice", first)
	}
	for _, name := range []string{"core/x_test.go", "core/testdata/y", "site/test/z.js", "site/publish/built/a", "weights/models/m.zst", "site/.hidden", "README.md"} {
		if got := write(name, "y"); got != first {
			t.Errorf("%s changes the id", name)
		}
	}
	if got := write("site/lib/new.js", "y"); got == first {
		t.Error("a new script does not change the id")
	}
	if _, err := BuildID(t.TempDir()); err == nil || !strings.Contains(err.Error(), "Makefile") {
		t.Errorf("empty folder: got %v", err)
	}
}
