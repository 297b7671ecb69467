// Package modelfile opens the models that commands work on.
package modelfile

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/core/quantize"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// PortableNote is said once where a model is opened by a build without vectors.
const PortableNote = "note: built without GOEXPERIMENT=simd: the same results, several times slower\n"

// MaxText bounds the files of text that people write.
const MaxText = 1 << 20

// ONNXSuffix ends the names of ONNX files.
const ONNXSuffix = ".onnx"

// Sparing has memory collected when a fifth of what is in use lies about, until the
// function that it returns is called: for commands in which tensors come and go, and what
// is freed seldom would count twice. There are few pointers.
func Sparing() func() {
	before := debug.SetGCPercent(20)
	return func() { debug.SetGCPercent(before) }
}

// Open opens the model at path. The error names it.
func Open(path string) (*model.Model, error) {
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

// Read opens the model at path, whose numbers are read from its files when they are
// asked for, until the reader is closed.
func Read(path string) (*model.Model, *weights.Reader, error) {
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

// Engine opens the model whose manifest is at path, verified. It says once,
// on standard error, if this build has no vector kernels.
func Engine(cmd *cobra.Command, path string, c *flags.Compute) (*engine.Engine, error) {
	o, err := c.Options()
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
		fmt.Fprint(cmd.ErrOrStderr(), PortableNote)
	}
	return e, nil
}

// EngineOf returns an engine for m, whose weights have then been read, or are read for
// every evaluation.
func EngineOf(m *model.Model) (*engine.Engine, error) {
	if m.Parameters() > quantize.MaxResident {
		manifest, err := m.Manifest(nil)
		if err != nil {
			return nil, err
		}
		info, err := engine.Describe(manifest)
		return engine.New(info, quantize.NewStreamRunner(m), engine.Options{Chunk: 32}), err
	}
	e, err := engine.Of(m, engine.Options{})
	if err != nil {
		return nil, err
	}
	return e, m.Err()
}

// Finish ends the writing of a model to which err happened, or nothing.
func Finish(w *weights.Writer, err error) error {
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	return w.Close()
}
