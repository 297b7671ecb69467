package engine

import (
	"context"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/tensor"
)

// Denoiser returns the D(x;σ) that Sample would run for r: of r.N images [N,H,W,C],
// with their classes, guidance and threshold. It stops with the cause of ctx when
// that is done. Like the engine, it is for one caller at a time.
//
// The error is one of Check. The denoiser's own error names an x of another shape.
func (e *Engine) Denoiser(ctx context.Context, r Request) (diffusion.Denoiser, Plan, error) {
	plan, err := e.Check(r, false)
	if err != nil {
		return nil, Plan{}, err
	}
	if e, err = e.sized(plan.Size); err != nil {
		return nil, Plan{}, err
	}
	n, c, h, w := *plan.N, e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	class := make([]int, n)
	for i := range class {
		class[i] = plan.class(plan.First + uint64(i))
	}
	denoise, _ := e.denoiser(ctx, plan, class, 0, n, nil)
	want := []int{n, h, w, c}
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		if err := x.Check(); err != nil {
			return nil, fmt.Errorf("engine: the denoiser's images: %w", err)
		}
		if !slices.Equal(x.Shape, want) {
			return nil, fmt.Errorf("engine: the denoiser takes images of shape %v (got %v)", want, x.Shape)
		}
		e.pacer.start()
		return denoise(x, sigma)
	}, plan, nil
}

// Model returns the model of an engine made by Open or Of, nil of others.
func (e *Engine) Model() *model.Model { return e.model }

// Sigmas returns the noise levels of the plan, falling, the last of them 0 but for
// consistency models. It is a copy.
func (p *Plan) Sigmas() []float32 { return slices.Clone(p.sigmas) }
