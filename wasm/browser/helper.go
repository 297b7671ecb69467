//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"

	"tweedie/core/model"
	"tweedie/core/tensor"
)

// reply is what a helper sent: numbers [N,C,H,W], or an error.
type reply struct {
	numbers []float32
	err     error
}

// ask returns the helper behind question(x, t, y), which takes what forward takes
// and is answered by replied. Waiting for it gives way to the event loop.
func (b *binding) ask(question js.Value) model.Helper {
	replies := make(chan reply, 1)
	b.replies = replies
	return func(x *tensor.Tensor, t []float32, y []int) func() (*tensor.Tensor, error) {
		planes, err := tensor.ToNCHW(x)
		if err == nil {
			question.Invoke(jsFloats(planes.Data), jsFloats(t), jsLabels(y))
		}
		return func() (*tensor.Tensor, error) {
			if err != nil {
				return nil, err
			}
			r := <-replies
			if r.err != nil {
				return nil, r.err
			}
			return tensor.ToNHWC(tensor.Of(r.numbers, planes.Shape...))
		}
	}
}

// replied(error, numbers) answers the question that waits.
func (b *binding) replied(_ js.Value, args []js.Value) any {
	if args[0].IsNull() {
		b.replies <- reply{numbers: floatsOf(args[1])}
	} else {
		b.replies <- reply{err: errors.New(args[0].String())}
	}
	return nil
}
