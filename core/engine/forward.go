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
// The result is [N,C,H,W], of a network that has learned variances [N,2C,H,W]. The error names an argument of the wrong size or a
// class out of range, or wraps the cause of ctx.
func (e *Engine) Forward(ctx context.Context, x, t []float32, y []int) ([]float32, error) {
	c, h, w := e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	n := len(t)
	if n == 0 {
		return nil, fmt.Errorf("engine: t: found no times, need one for each image")
	}
	if len(x) != n*c*h*w {
		return nil, fmt.Errorf("engine: x: found %d numbers, need %d: %d×%d×%d (channels, height, width) for each of %d times", len(x), n*c*h*w, c, h, w, n)
	}
	if y != nil && len(y) != n {
		return nil, fmt.Errorf("engine: y: found %d classes, need %d, one for each time", len(y), n)
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
		f, err := e.network.Forward(part(in, a, b), t[a:b], labels)
		if err != nil {
			return err
		}
		if out == nil {
			out = tensor.New(n, h, w, f.Shape[3])
		}
		copy(part(out, a, b).Data, f.Data)
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

// checkLabels holds the class numbers of Forward to what the network has.
func (e *Engine) checkLabels(y []int) error {
	if len(y) > 0 && e.info.labels == 0 {
		return fmt.Errorf("engine: y: found %d classes, need none: the model has no classes", len(y))
	}
	for i, label := range y {
		if label < 0 || label >= e.info.labels {
			return fmt.Errorf("engine: y: found class %d at %d, need 0 to %d", label, i, e.info.labels-1)
		}
	}
	return nil
}
