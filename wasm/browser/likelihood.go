//go:build js && wasm && likelihood

package main

import (
	"context"
	"syscall/js"

	"tweedie/core/engine"
)

// likelihoodMethods returns the methods that only tweedie-likelihood.wasm has. A page
// fetches this larger program when a visitor first uses one of them.
func (b *binding) likelihoodMethods() map[string]js.Func {
	return map[string]js.Func{"likelihood": b.bind(b.likelihood, true)}
}

// likelihood(request, image, step) returns an engine.LikelihoodResult as JSON and calls
// step(done, total) after every evaluation.
func (b *binding) likelihood(ctx context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	r, err := engine.ParseLikelihood([]byte(args[0].String()))
	if err != nil {
		return nil, err
	}
	result, err := e.Likelihood(ctx, r, pictureOf(args[1]), func(done, total int) { args[2].Invoke(done, total) })
	if err != nil {
		return nil, err
	}
	return jsonOf(result)
}
