//go:build js && wasm

package main

import (
	"context"
	"errors"
	"syscall/js"
	"unsafe"

	"tweedie/core/engine"
)

// errBroken ends the calls of a tensor-parallel group when one of its workers has ended.
var errBroken = errors.New("browser: a worker of the tensor-parallel group has ended")

// tensorParallel is this worker's membership of a tensor-parallel group: an
// infer.TensorParallel over shared memory. The memory has two halves that exchanges use
// alternately. Before a worker writes to a half again, it has passed a barrier that every
// worker reaches only after reading that half, so one barrier per exchange is enough.
type tensorParallel struct {
	rank, size int
	engine     *engine.Engine

	memory  js.Value // Uint8Array over both halves
	barrier js.Value // returns when all members have called it; false if one has ended
	leave   js.Value // breaks the barrier for the other members
	half    int
	views   map[[2]int]js.Value // ranges of memory by start and length
}

func (p *tensorParallel) Rank() int { return p.rank }
func (p *tensorParallel) Size() int { return p.size }

// AllGather implements infer.TensorParallel.
func (p *tensorParallel) AllGather(all, own []float32, rows int, starts []int) {
	offset := p.half * (p.memory.Length() / 2)
	p.half = 1 - p.half
	if len(own) > 0 {
		js.CopyBytesToJS(p.view(offset+4*rows*starts[p.rank], 4*len(own)), float32Bytes(own))
	}
	if !p.barrier.Invoke().Bool() {
		panic(errBroken)
	}
	for i := range p.size {
		if part := all[rows*starts[i] : rows*starts[i+1]]; i != p.rank && len(part) > 0 {
			js.CopyBytesToGo(float32Bytes(part), p.view(offset+4*rows*starts[i], 4*len(part)))
		}
	}
}

// view returns a range of the shared memory.
func (p *tensorParallel) view(start, length int) js.Value {
	key := [2]int{start, length}
	v, ok := p.views[key]
	if !ok {
		v = p.memory.Call("subarray", start, start+length)
		p.views[key] = v
	}
	return v
}

// float32Bytes returns the bytes of x without copying them.
func float32Bytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// join(rank, size, memory, barrier, leave) makes the worker a member of a tensor-parallel
// group. Its engine, with the packed weights, is reused if it joins again with the same
// rank and size.
func (b *binding) join(_ context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	rank, size := args[0].Int(), args[1].Int()
	if b.group == nil || b.group.rank != rank || b.group.size != size {
		p := &tensorParallel{rank: rank, size: size}
		if p.engine, err = e.Join(p); err != nil {
			return nil, err
		}
		b.group = p
	}
	p := b.group
	p.memory, p.barrier, p.leave, p.half, p.views = args[2], args[3], args[4], 0, map[[2]int]js.Value{}
	return nil, nil
}

// leaveOnPanic runs f. If f panics, it breaks the barrier, so that the other members do
// not wait for this one.
func (p *tensorParallel) leaveOnPanic(f func() (any, error)) (any, error) {
	returned := false
	defer func() {
		if !returned {
			p.leave.Invoke()
		}
	}()
	value, err := f()
	returned = true
	return value, err
}

// follow() takes part in the leader's evaluations until the leader dismisses the group.
func (b *binding) follow(context.Context, []js.Value) (any, error) {
	return b.group.leaveOnPanic(func() (any, error) {
		b.group.engine.Follow()
		return nil, nil
	})
}

// sharing calls f with the engine for the share argument of a call: "channels" is the
// engine of the tensor-parallel group that this worker leads, a function is an engine
// with a helper, and null is the worker's own engine.
func (b *binding) sharing(share js.Value, f func(*engine.Engine) (any, error)) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	switch share.Type() {
	case js.TypeString:
		return b.group.leaveOnPanic(func() (any, error) {
			value, err := f(b.group.engine)
			b.group.engine.Dismiss()
			return value, err
		})
	case js.TypeFunction:
		e = e.Helped(b.helper(share))
	}
	return f(e)
}
