package sample

import (
	"context"
	"sync"
)

// pool runs independent jobs on several workers and shows how far they are.
type pool struct {
	ctx  context.Context
	jobs int
	show func(done, total int)

	mu         sync.Mutex
	next, done int
}

// run starts workers; each does jobs with the function that start returns for it, until
// there are no more, ctx ends or one fails. The error is the first.
func (p *pool) run(workers int, start func() (func(job int) error, error)) error {
	ctx, stop := context.WithCancelCause(p.ctx)
	defer stop(nil)
	p.ctx = ctx
	var wait sync.WaitGroup
	for range workers {
		do, err := start()
		if err != nil {
			stop(err)
			break
		}
		wait.Go(func() {
			for ctx.Err() == nil {
				p.mu.Lock()
				job := p.next
				p.next++
				p.mu.Unlock()
				if job >= p.jobs {
					return
				}
				if err := do(job); err != nil {
					stop(err)
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// step counts one step, of so many that each job takes.
func (p *pool) step(each int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.show(p.done, each*p.jobs)
}
