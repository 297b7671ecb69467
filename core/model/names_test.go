package model_test

import (
	"errors"
	"strings"
	"testing"

	"tweedie/core/model"
)

// Names of classes are those that a request can ask for.
func TestCheckNames(t *testing.T) {
	for _, names := range [][]string{nil, {"0", "1"}, {"red fox", "Ärger", "a;b", "-x", "None"}, {"7", "1"}} {
		c := &model.Config{Classes: names}
		if err := c.CheckNames(); err != nil {
			t.Errorf("%q: got %v", names, err)
		}
	}
	for _, name := range []string{"3,7", "none", "all", "", " a", "a ", "a\tb", "a\x00", strings.Repeat("x", 300), "fine"} {
		c := &model.Config{Classes: []string{"fine", name}}
		if err := c.CheckNames(); !errors.Is(err, model.ErrConfig) {
			t.Errorf("%q: got %v, want ErrConfig", name, err)
		}
	}
}
