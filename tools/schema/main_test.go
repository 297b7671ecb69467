package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/settings"
)

const root = "../.."

// TestGenerated: the reference, the types and the description of the API follow from the
// settings.
func TestGenerated(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what make generate writes: %v", name, err)
		}
	}
}

// TestEverySettingIsEverywhere looks each setting up in what is offered of it.
func TestEverySettingIsEverywhere(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := os.ReadFile(filepath.Join(root, "docs/commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range engine.Schema() {
		in := map[string]string{"docs/settings.md": "| `" + s.Name + "` |", "site/lib/tweedie.d.ts": "  " + s.Name + "?: "}
		if s.Name != "first" && s.Group != settings.GroupInpaint { // of the module, and of what an API cannot do
			in["core/httpapi/openapi.json"] = `"name": "` + s.Name + `"`
		}
		for name, text := range in {
			if !strings.Contains(string(files[name]), text) {
				t.Errorf("%s has no %s", name, text)
			}
		}
		flag := map[string]string{"n": "--number", "first": ""}
		want, other := flag[s.Name]
		if !other {
			want = "--" + s.Flag()
		}
		if !strings.Contains(string(commands), want) {
			t.Errorf("docs/commands.md has no flag %s", want)
		}
	}
}
