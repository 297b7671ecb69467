//go:build !js

package httpapi

import (
	"maps"
	"slices"
	"testing"

	"tweedie/core/minijson"
)

// Every route of the service is described, and no other; every parameter that a query
// may hold is, and no other.
func TestDescription(t *testing.T) {
	var doc struct {
		Paths      minijson.RawMessage `json:"paths"`
		Components struct {
			Parameters minijson.RawMessage `json:"parameters"`
		} `json:"components"`
	}
	if err := minijson.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	names := func(object minijson.RawMessage) (out []string) {
		for name := range minijson.Members(object) {
			out = append(out, name)
		}
		return out
	}
	if got, want := names(doc.Paths), slices.Sorted(maps.Keys((&Service{}).routes())); !slices.Equal(got, want) {
		t.Errorf("described routes %q, want %q", got, want)
	}
	var want []string
	for _, s := range Parameters() {
		want = append(want, s.Name)
		if _, err := parse(s.Name+"=1", "scale", "v"); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	slices.Sort(want)
	if got := names(doc.Components.Parameters); !slices.Equal(got, want) {
		t.Errorf("described parameters %q, want %q", got, want)
	}
}
