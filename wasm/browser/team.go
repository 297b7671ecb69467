//go:build js && wasm

package main

import (
	"context"
	"errors"
	"syscall/js"
	"unsafe"

	"tweedie/core/engine"
)

// errTeam ends the calls of a team of which a member is gone.
var errTeam = errors.New("browser: a member of the team is gone")

// team is this worker's place in a team of workers. Their numbers pass through
// memory that they share, of two sides used in turn: who writes to a side has met
// all others since they read it, so that one meeting makes an exchange.
type team struct {
	rank, size int
	engine     *engine.Engine

	memory js.Value // Uint8Array over both sides
	meet   js.Value // returns when every member has called it; false if one is gone
	leave  js.Value // tells the others that this member is gone
	side   int
	views  map[[2]int]js.Value // parts of memory by start and length
}

func (t *team) Rank() int { return t.rank }
func (t *team) Size() int { return t.size }

// AllGather is that of infer.Team.
func (t *team) AllGather(all, own []float32, rows int, starts []int) {
	at := t.side * (t.memory.Length() / 2)
	t.side = 1 - t.side
	if len(own) > 0 {
		js.CopyBytesToJS(t.view(at+4*rows*starts[t.rank], 4*len(own)), memoryOf(own))
	}
	if !t.meet.Invoke().Bool() {
		panic(errTeam)
	}
	for i := range t.size {
		if part := all[rows*starts[i] : rows*starts[i+1]]; i != t.rank && len(part) > 0 {
			js.CopyBytesToGo(memoryOf(part), t.view(at+4*rows*starts[i], 4*len(part)))
		}
	}
}

// view returns so many bytes of the shared memory.
func (t *team) view(start, length int) js.Value {
	key := [2]int{start, length}
	v, ok := t.views[key]
	if !ok {
		v = t.memory.Call("subarray", start, start+length)
		t.views[key] = v
	}
	return v
}

// memoryOf returns the bytes of x as they lie in memory.
func memoryOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// join(rank, size, memory, meet, leave) makes the worker a member of a team. What
// it has packed is kept for the next team of that size.
func (b *binding) join(_ context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	rank, size := args[0].Int(), args[1].Int()
	if b.team == nil || b.team.rank != rank || b.team.size != size {
		t := &team{rank: rank, size: size}
		if t.engine, err = e.Join(t); err != nil {
			return nil, err
		}
		b.team = t
	}
	t := b.team
	t.memory, t.meet, t.leave, t.side, t.views = args[2], args[3], args[4], 0, map[[2]int]js.Value{}
	return nil, nil
}

// staying runs f, and tells the others if it ends in a panic.
func (t *team) staying(f func() (any, error)) (any, error) {
	stayed := false
	defer func() {
		if !stayed {
			t.leave.Invoke()
		}
	}()
	value, err := f()
	stayed = true
	return value, err
}

// follow() serves the leader's evaluations until it dismisses the team.
func (b *binding) follow(context.Context, []js.Value) (any, error) {
	return b.team.staying(func() (any, error) {
		b.team.engine.Follow()
		return nil, nil
	})
}

// with calls f with the engine that evaluates as a call asks: "channels" with the
// team that this worker leads, a function with a helper behind it, null alone.
func (b *binding) with(how js.Value, f func(*engine.Engine) (any, error)) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	switch how.Type() {
	case js.TypeString:
		return b.team.staying(func() (any, error) {
			value, err := f(b.team.engine)
			b.team.engine.Dismiss()
			return value, err
		})
	case js.TypeFunction:
		e = e.Helped(b.ask(how))
	}
	return f(e)
}
