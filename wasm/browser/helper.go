//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"

	"tweedie/core/model"
	"tweedie/core/tensor"
)

// reply is a helper's reply: the values of a tensor [N,C,H,W], or an error.
type reply struct {
	values []float32
	err    error
}

// helper returns the helper to which request(x, t, y) sends an evaluation, with the
// arguments of forward. The reply arrives through replied. While Go waits for it, the
// event loop runs.
func (b *binding) helper(request js.Value) model.Helper {
	replies := make(chan reply, 1)
	b.replies = replies
	return func(x *tensor.Tensor, t []float32, y []int) func() (*tensor.Tensor, error) {
		nchw, err := tensor.ToNCHW(x)
		if err == nil {
			request.Invoke(jsFloats(nchw.Data), jsFloats(t), jsLabels(y))
		}
		return func() (*tensor.Tensor, error) {
			if err != nil {
				return nil, err
			}
			r := <-replies
			if r.err != nil {
				return nil, r.err
			}
			return tensor.ToNHWC(tensor.Of(r.values, nchw.Shape...))
		}
	}
}

// replied(error, values) delivers the helper's reply to the pending request.
func (b *binding) replied(_ js.Value, args []js.Value) any {
	if args[0].IsNull() {
		b.replies <- reply{values: floatsOf(args[1])}
	} else {
		b.replies <- reply{err: errors.New(args[0].String())}
	}
	return nil
}
