package publish

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// markdownFiles writes files below a new folder and returns its docs/.
func markdownFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "docs")
}

func TestDocumentation(t *testing.T) {
	content, err := documentation(markdownFiles(t, map[string]string{
		"docs/README.md":        "# Start\n\n- [One](one.md)\n- [More](deeper/README.md)\n- [Format](../weights/FORMAT.md)\n",
		"docs/one.md":           "# One & only\n\n![p](plot.svg) [part](deeper/two.md#a-part) [far](https://example.org/x.md) [source](../main.go) <script>alert(1)</script>\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n",
		"docs/plot.svg":         "<svg/>",
		"docs/notes.go":         "not published",
		"docs/deeper/README.md": "# More\n\n[two](two.md), [start](../README.md), [format](../../weights/FORMAT.md)\n",
		"docs/deeper/two.md":    "# Two\n\n## A part\n",
		"weights/FORMAT.md":     "# Format\n\n[docs](../docs/one.md)\n",
		"main.go":               "package main",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"docs/deeper/index.html", "docs/deeper/two.html", "docs/docs.css", "docs/format.html", "docs/index.html", "docs/one.html", "docs/plot.svg"}
	if got := slices.Sorted(maps.Keys(content)); !slices.Equal(got, want) {
		t.Errorf("files: got %q, want %q", got, want)
	}
	for name, parts := range map[string][]string{
		"docs/one.html": {
			"<title>One &amp; only · Tweedie</title>", `<a href="deeper/two.html#a-part">part</a>`, `src="plot.svg"`,
			`<a href="https://example.org/x.md">far</a>`, " source ", "<td>1</td>", `<a href="one.html" aria-current="page">One</a>`, `href="../style.css"`,
		},
		"docs/deeper/index.html": {`<a href="../deeper/two.html">two</a>`, `<a href="../index.html">start</a>`, `<a href="../format.html">Format</a>`, `href="../../style.css"`, `href="../docs.css"`},
		"docs/deeper/two.html":   {`<h2 id="a-part">A part</h2>`},
		"docs/format.html":       {`<a href="one.html">docs</a>`},
	} {
		for _, part := range parts {
			if !strings.Contains(string(content[name]), part) {
				t.Errorf("%s lacks %q:\n%s", name, part, content[name])
			}
		}
	}
	if strings.Contains(string(content["docs/one.html"]), "alert(1)</script>") {
		t.Error("docs/one.html has the script of its source")
	}
}

func TestDocumentationRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no start":    {map[string]string{"docs/one.md": "# One\n"}, "README.md"},
		"broken link": {map[string]string{"docs/README.md": "[one](one.md)\n"}, `link "one.md"`},
		"one name":    {map[string]string{"docs/README.md": "[f](format.md) [F](../FORMAT.md)\n", "docs/format.md": "", "FORMAT.md": ""}, "format.html"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := documentation(markdownFiles(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestOwnDocumentation makes pages of this repository's documents, which finds links to
// files that do not exist, and looks at the links of the documents beside them.
func TestOwnDocumentation(t *testing.T) {
	if _, err := documentation("../../docs"); err != nil {
		t.Error(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("../..", string(found[1]))); err != nil {
				t.Errorf("%s: link: %v", name, err)
			}
		}
	}
}
