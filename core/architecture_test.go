//go:build !js

package core

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArchitecture compares the table of packages in docs/ARCHITECTURE.md with the
// floors of this package. TWEEDIE_GOLDEN=write rewrites it.
func TestArchitecture(t *testing.T) {
	const file, begin, end = "../docs/ARCHITECTURE.md", "<!-- floors -->\n", "<!-- /floors -->"
	source, err := os.ReadFile("layering_test.go")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(document), begin)
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no %q", file, end)
	}
	want := before + begin + floorTable(string(source)) + end + after
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(document) != want {
		t.Errorf("the table of packages in %s differs from the floors: rewrite it with TWEEDIE_GOLDEN=write go test ./core -run Architecture", file)
	}
}

// floorTable returns the floors as a Markdown table, the lowest first; source is that
// of their map, whose comments say what a package is.
func floorTable(source string) string {
	var rows [][]string
	for _, entry := range regexp.MustCompile(`(?m)^\t"([^"]+)": +\d+, +// (.*)$`).FindAllStringSubmatch(source, -1) {
		if _, ok := floors[entry[1]]; ok {
			rows = append(rows, entry[1:])
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return floors[a[0]] - floors[b[0]] })
	var b strings.Builder
	b.WriteString("| floor | package | contents |\n| --: | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %d | `%s` | %s |\n", floors[r[0]], r[0], r[1])
	}
	return b.String()
}
