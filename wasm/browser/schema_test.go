//go:build !js

package main_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"tweedie/core/engine"
)

// TestTypesHaveEverySetting: the types of the JavaScript module have the settings that
// the engine describes, and no others.
func TestTypesHaveEverySetting(t *testing.T) {
	data, err := os.ReadFile("../../site/lib/tweedie.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, body := range regexp.MustCompile(`(?s)interface (?:SolverOptions|Call|InpaintOptions)\b[^{]*\{(.*?)\n\}`).FindAllSubmatch(data, -1) {
		for _, field := range regexp.MustCompile(`(?m)^  (\w+)\?:`).FindAllSubmatch(body[1], -1) {
			got = append(got, string(field[1]))
		}
	}
	var want []string
	for _, s := range engine.Schema() {
		want = append(want, s.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
