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
	"tweedie/core/unet"
)

// Network is a model as the engine uses it. *model.Runner is one; tests use a denoiser
// in closed form.
type Network interface {
	// Guided returns D(x;σ) with guidance, for images of these classes, -1 for none.
	// Rows of its result do not depend on each other.
	Guided(class []int, g diffusion.Guidance) diffusion.Denoiser
	// Forward evaluates the bare network on x [N,H,W,C] at times t, for classes y, or
	// without classes if y is nil.
	Forward(x *tensor.Tensor, t []float32, y []int) (*tensor.Tensor, error)
}

// Defaults of Options.
const (
	chunk = 8
	group = 256
)

// Options say how an engine computes. Fast changes the last bits of the result, and Size its
// size; nothing else changes it.
type Options struct {
	Chunk   int           // most images of one evaluation; 0 means 8 for every thread
	Group   int           // most images in memory at once; 0 means 256
	Slice   time.Duration // target for the time of one evaluation; 0 means none
	Yield   func()        // called between evaluations, at least every 1½ Slice; nil means never
	Fast    bool          // Open: fused arithmetic in any order
	Workers int           // Open: threads; 0 means one for every core
	Size    unet.Size     // Open: size of the images, for a network that allows another than the model's; zero means the model's
	Compact int           // Open: networks of at least so many parameters keep quantized weights quantized, which takes less memory; 0 means none
}

// Engine answers requests with one model, one at a time. A run that is cancelled or
// fails leaves it as it was.
type Engine struct {
	info    Info
	network Network
	options Options
	pacer   *pacer

	classifier Classifier // nil means none

	model  *model.Model  // nil for an engine that New returned
	runner *model.Runner // of the model
	how    infer.Options // of the runner
	jvp    *DenoiserJVP  // of the model, made for the first likelihood
	other  *Engine       // of the model, for images of another size; nil before the first such request
}

// New returns an engine for a network that info describes.
func New(info Info, network Network, o Options) *Engine {
	o.Chunk, o.Group = cmp.Or(o.Chunk, chunk), cmp.Or(o.Group, group)
	return &Engine{info: info, network: network, options: o, pacer: newPacer(o)}
}

// Info returns the description of the model.
func (e *Engine) Info() Info { return e.info }

// chunks calls evaluate for consecutive parts [start, end) of n images, and yields
// between them. When ctx is done, the error wraps its cause.
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
