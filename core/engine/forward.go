package engine

import (
	"context"
	"fmt"

	"tweedie/core/tensor"
)

// Forward evaluates the bare network once: no process, no guidance.
//
//	x  N·C·H·W numbers, [N,C,H,W]
//	t  N times, as the network was trained with them
//	y  N class numbers, the model's null class included, or nil for none
//
// The result is [N,C,H,W], or [N,2C,H,W] for a network that has learned variances. The
// error names an argument of the wrong size or a class out of range, or wraps the cause
// of ctx.
func (e *Engine) Forward(ctx context.Context, x, t []float32, y []int) ([]float32, error) {
	c, h, w := e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	n := len(t)
	if n == 0 {
		return nil, fmt.Errorf("engine: t must have one time for each image (got none)")
	}
	if len(x) != n*c*h*w {
		return nil, fmt.Errorf("engine: x must have %d numbers, %d×%d×%d (channels, height, width) for each of %d times (got %d)", n*c*h*w, c, h, w, n, len(x))
	}
	if y != nil && len(y) != n {
		return nil, fmt.Errorf("engine: y must have %d classes, one for each time (got %d)", n, len(y))
	}
	if err := e.checkLabels(y); err != nil {
		return nil, err
	}
	in, err := tensor.ToNHWC(tensor.Of(x, n, c, h, w))
	if err != nil {
		return nil, err
	}
	var out *tensor.Tensor
	e.pacer.start()
	err = e.chunks(ctx, n, func(a, b int) error {
		var labels []int
		if y != nil {
			labels = y[a:b]
		}
		f, err := e.network.Forward(in.Rows(a, b), t[a:b], labels)
		if err != nil {
			return err
		}
		if out == nil {
			out = tensor.New(n, h, w, f.Shape[3])
		}
		copy(out.Rows(a, b).Data, f.Data)
		return nil
	})
	if err != nil {
		return nil, err
	}
	planes, err := tensor.ToNCHW(out)
	if err != nil {
		return nil, err
	}
	return planes.Data, nil
}

// checkLabels returns an error unless the network has the class numbers of Forward.
func (e *Engine) checkLabels(y []int) error {
	if len(y) > 0 && e.info.labels == 0 {
		return fmt.Errorf("engine: y must be absent for a model without classes (got %d classes)", len(y))
	}
	for i, label := range y {
		if label < 0 || label >= e.info.labels {
			return fmt.Errorf("engine: y[%d] must be a class from 0 to %d (got %d)", i, e.info.labels-1, label)
		}
	}
	return nil
}
