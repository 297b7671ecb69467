package engine

import (
	"tweedie/core/infer"
	"tweedie/core/model"
)

// pair is the images that one image's evaluation sends through the network at most:
// with its class and without.
const pair = 2

// Traffic returns the most numbers that members of a team exchange at once; 0 if the
// network is not worth sharing.
func (e *Engine) Traffic() int { return e.model.Traffic(pair) }

// Join returns an engine of the same model file whose evaluations the members of
// team share, one image at a time. The leader's answers requests and then
// Dismisses the others, who Follow it. Its results are those of e.
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

// Follow evaluates what the leader of the engine's team does, until it dismisses
// the team.
func (e *Engine) Follow() { e.runner.Follow() }

// Dismiss ends the Follow of the team that the engine leads.
func (e *Engine) Dismiss() { e.runner.Dismiss() }

// Helped returns an engine of the same model file that leaves half of every
// evaluation of more than one image to helper: of a guided pair, the one without
// its class. Its results are those of e.
func (e *Engine) Helped(helper model.Helper) *Engine {
	out := *e
	out.network = e.runner.WithHelper(helper)
	return &out
}
