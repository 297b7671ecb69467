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
	"tweedie/core/unet"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// PortableNote is printed when a build without vector kernels opens a model.
const PortableNote = "note: this program was built without GOEXPERIMENT=simd: the results are the same, but several times slower\n"

// MaxText is the largest size of a text file that a user writes, in bytes.
const MaxText = 1 << 20

// ONNXSuffix is the suffix of ONNX files.
const ONNXSuffix = ".onnx"

// Sparing makes the garbage collector run when the heap has grown by a fifth, until the
// function that it returns is called. It is for commands that allocate and drop large
// tensors, which would otherwise need twice the memory; collecting is cheap, since there
// are few pointers.
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

// Read opens the model at path without reading its weights: they are read from its files
// on demand, until the reader is closed.
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

// Engine opens the model whose manifest is at path, verified. It prints
// a note on standard error if this build has no vector kernels.
func Engine(cmd *cobra.Command, path string, c *flags.Compute) (*engine.Engine, error) {
	o, err := c.Options()
	if err != nil {
		return nil, err
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	if o.Size != (unet.Size{}) {
		if info, err := engine.Describe(f.Manifest); err == nil { // else Open says what is wrong
			if err := info.AllowsSize(o.Size); err != nil {
				return nil, flags.AsMisuse(err)
			}
		}
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

// EngineOf returns an engine for m. It reads the weights now, or, of a large model, for
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

// Finish completes the writing of a model, or abandons it if there is an error.
func Finish(w *weights.Writer, err error) error {
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	return w.Close()
}
