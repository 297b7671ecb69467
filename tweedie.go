package tweedie

import (
	"context"
	"fmt"
	"io/fs"

	"tweedie/core/diffusion"
	"tweedie/core/engine"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/weights"
)

// Model is a diffusion model. Its methods may be called from several goroutines:
// calls that compute wait for each other.
type Model struct {
	engine *engine.Engine
	file   *weights.File // nil for one that is not of a file
	turn   chan struct{} // holds a token while somebody computes
}

// OpenFS opens the model whose manifest is the file name of fsys and whose weights
// are next to it. With go:embed a model becomes part of a program:
//
//	//go:embed models
//	var files embed.FS
//	m, err := tweedie.OpenFS(files, "models/mnist.json")
func OpenFS(fsys fs.FS, name string) (*Model, error) {
	f, err := weights.OpenFS(fsys, name)
	if err != nil {
		return nil, err
	}
	return open(f, name)
}

func open(f *weights.File, name string) (*Model, error) {
	e, err := engine.Open(f, engine.Options{})
	if err != nil {
		return nil, fmt.Errorf("tweedie: model %q: %w", name, err)
	}
	return &Model{e, f, make(chan struct{}, 1)}, nil
}

// New returns a Model for one that was trained, imported or opened by other packages.
// The options choose the number of threads and how the work is cut, which does not
// change the results, or faster arithmetic (Fast), which does. The zero value uses
// every core.
func New(m *model.Model, o engine.Options) (*Model, error) {
	if m == nil {
		return nil, fmt.Errorf("tweedie: the model must not be nil")
	}
	e, err := engine.Of(m, o)
	if err != nil {
		return nil, err
	}
	return &Model{e, nil, make(chan struct{}, 1)}, nil
}

// Info describes the model: its name, shape, classes, samplers and defaults.
func (m *Model) Info() engine.Info { return m.engine.Info() }

// Network returns the model as packages train, quantize and export take it.
func (m *Model) Network() *model.Model { return m.engine.Model() }

// Card returns the model card as JSON, nil if there is none.
func (m *Model) Card() []byte {
	if m.file == nil {
		return nil
	}
	return m.file.Manifest.Card
}

// Denoiser returns D(x;σ) of the model, as Sample would use it for images with these
// options: their number, classes, guidance and threshold. Package sampler takes it,
// and so does any loop of one's own; x has shape [N,H,W,C] with pixels in [−1,1]. Its
// result has that shape, and twice the channels for a model with learned variances.
func (m *Model) Denoiser(ctx context.Context, o Options) (diffusion.Denoiser, error) {
	r, err := o.request()
	if err != nil {
		return nil, err
	}
	denoise, _, err := m.engine.Denoiser(ctx, r)
	if err != nil {
		return nil, err
	}
	return func(x *Tensor, sigma float32) (*Tensor, error) {
		if err := m.wait(ctx); err != nil {
			return nil, err
		}
		defer m.done()
		return denoise(x, sigma)
	}, nil
}

// Sigmas returns the noise levels at which Sample would run with these options,
// falling.
func (m *Model) Sigmas(o Options) ([]float32, error) {
	r, err := o.request()
	if err != nil {
		return nil, err
	}
	plan, err := m.engine.Check(r, false)
	if err != nil {
		return nil, err
	}
	return plan.Sigmas(), nil
}

// wait waits for the model to be free. The error wraps the cause of ctx.
func (m *Model) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	default:
		select {
		case m.turn <- struct{}{}:
			return nil
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("tweedie: stopped: %w", context.Cause(ctx))
}

func (m *Model) done() { <-m.turn }

// card is what Save writes as the model card.
func (m *Model) card() minijson.RawMessage { return minijson.RawMessage(m.Card()) }
