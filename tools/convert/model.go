package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/weights"
)

// portableNote is said once where a model is opened by a build without vectors.
const portableNote = "note: built without GOEXPERIMENT=simd: the same results, several times slower\n"

// models completes the paths of models on a shell's command line.
func models(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

// sparing has memory collected when a fifth of what is in use lies about, until the
// function that it returns is called: for commands in which tensors come and go, and what
// is freed seldom would count twice. There are few pointers.
func sparing() func() {
	before := debug.SetGCPercent(20)
	return func() { debug.SetGCPercent(before) }
}

// openModel opens the model at path. The error names it.
func openModel(path string) (*model.Model, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(f)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	return m, nil
}

// readModel opens the model at path, whose numbers are read from its files when they are
// asked for, until the reader is closed.
func readModel(path string) (*model.Model, *weights.Reader, error) {
	r, err := weights.OpenReader(path)
	if err != nil {
		return nil, nil, err
	}
	m, err := model.OpenReader(r)
	if err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("model %q: %w", path, err)
	}
	return m, r, nil
}

// openEngine opens the model whose manifest is at path, verified. It says once,
// on standard error, if this build has no vector kernels.
func openEngine(cmd *cobra.Command, path string, c *compute) (*engine.Engine, error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(f, o)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", path, err)
	}
	if !e.Info().SIMD {
		fmt.Fprint(cmd.ErrOrStderr(), portableNote)
	}
	return e, nil
}
