//go:build js && wasm && likelihood

package main

import (
	"context"
	"syscall/js"

	"tweedie/core/engine"
)

// likelihoodMethods returns the methods that only the larger program has, tweedie-likelihood.wasm, which a
// page fetches when a visitor asks for one of them.
func (b *binding) likelihoodMethods() map[string]js.Func {
	return map[string]js.Func{"likelihood": b.bind(b.likely, true)}
}

// likelihood(question, image, step) returns the answer as JSON and calls step(done, total)
// after every evaluation.
func (b *binding) likely(ctx context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	d, err := engine.ParseLikelihood([]byte(args[0].String()))
	if err != nil {
		return nil, err
	}
	out, err := e.Likelihood(ctx, d, pictureOf(args[1]), func(done, total int) { args[2].Invoke(done, total) })
	if err != nil {
		return nil, err
	}
	return jsonOf(out)
}
