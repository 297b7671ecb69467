package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/tensor"
)

// Network is a model as the engine uses it. *model.Runner is one; tests bring a
// denoiser in closed form.
type Network interface {
	// Guided returns D(x;σ) for the classes of the images of x, -1 for none,
	// with guidance. Rows of its result do not depend on each other.
	Guided(class []int, g diffusion.Guidance) diffusion.Denoiser
	// Forward evaluates the bare network on x [N,H,W,C] at times t, with classes
	// y or none where y is nil.
	Forward(x *tensor.Tensor, t []float32, y []int) (*tensor.Tensor, error)
}

// What Options leave out.
const (
	chunk = 8
	group = 256
)

// Options say how an engine computes. They do not change what, but for Fast.
type Options struct {
	Chunk   int           // images of one evaluation at most; 0 means 8 a thread
	Group   int           // images in memory at once at most; 0 means 256
	Slice   time.Duration // aim for the time of one evaluation; 0 means no aim
	Yield   func()        // called between evaluations, at the latest every 1½ Slice; nil means never
	Fast    bool          // Open: arithmetic in any order
	Workers int           // Open: threads; 0 means all
	Compact int           // Open: networks of so many parameters keep codes as codes, in less memory; 0 means none
}

// Engine answers requests with one model. It runs one at a time; a run that is
// cancelled or fails leaves it as it was.
type Engine struct {
	info    Info
	network Network
	options Options
	pacer   *pacer

	classifier Classifier // nil: none

	model  *model.Model  // of an engine of a file, nil of others
	runner *model.Runner // its network
	how    infer.Options // of the runner
	jvp    *DenoiserJVP  // of the model, once a likelihood was asked for
}

// New returns an engine for a network that info describes.
func New(info Info, network Network, o Options) *Engine {
	o.Chunk, o.Group = cmp.Or(o.Chunk, chunk), cmp.Or(o.Group, group)
	return &Engine{info: info, network: network, options: o, pacer: newPacer(o)}
}

// Info returns the description of the model.
func (e *Engine) Info() Info { return e.info }

// chunks calls evaluate for consecutive parts [start, end) of n images, and gives
// way between them. When ctx is done the error wraps its cause.
func (e *Engine) chunks(ctx context.Context, n int, evaluate func(start, end int) error) error {
	for start := 0; start < n; {
		if ctx.Err() != nil {
			return fmt.Errorf("engine: stopped: %w", context.Cause(ctx))
		}
		end := min(n, start+e.pacer.size)
		began := e.pacer.now()
		if err := evaluate(start, end); err != nil {
			return err
		}
		e.pacer.chunk(end-start, began)
		start = end
	}
	return nil
}

// part returns rows [start, end) of t, sharing its numbers.
func part(t *tensor.Tensor, start, end int) *tensor.Tensor {
	row := tensor.Size(t.Shape[1:])
	shape := append([]int{end - start}, t.Shape[1:]...)
	return tensor.Of(t.Data[start*row:end*row], shape...)
}
