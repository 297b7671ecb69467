package engine

import (
	"tweedie/core/infer"
	"tweedie/core/model"
)

// pair is the most images that one image's evaluation sends through the network: with
// its class and without.
const pair = 2

// Traffic returns the most numbers that the workers of a tensor-parallel group exchange
// at once; 0 if the network is too small to be shared.
func (e *Engine) Traffic() int { return e.model.Traffic(pair) }

// Join returns an engine of the same model whose evaluations the workers of a
// tensor-parallel group share, one image at a time. The leader's engine answers
// requests and then calls Dismiss; the others call Follow. Its results are those of e.
func (e *Engine) Join(team infer.TensorParallel) (*Engine, error) {
	out := *e
	out.options.Chunk, out.how.Workers, out.how.TensorParallel = 1, 1, team
	runner, err := e.model.NewRunner(pair, out.how)
	if err != nil {
		return nil, err
	}
	out.network, out.runner, out.pacer = runner, runner, newPacer(out.options)
	return &out, nil
}

// Follow takes part in the leader's evaluations until it dismisses the group.
func (e *Engine) Follow() { e.runner.Follow() }

// Dismiss ends the Follow of the group that the engine leads.
func (e *Engine) Dismiss() { e.runner.Dismiss() }

// Helped returns an engine of the same model that leaves half of every evaluation of
// more than one image to helper: of a guided pair, the one without a class. Its results
// are those of e.
func (e *Engine) Helped(helper model.Helper) *Engine {
	out := *e
	out.network = e.runner.WithHelper(helper)
	return &out
}
