// Package await lets work that cannot be interrupted be left behind.
package await

import "context"

// Result returns what do returns, or the cause of ctx as soon as ctx ends. do runs to its end in
// any case, so it must leave nothing half written.
func Result[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	ready := make(chan result, 1)
	go func() {
		value, err := do()
		ready <- result{value, err}
	}()
	select {
	case r := <-ready:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
