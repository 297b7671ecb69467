//go:build js && wasm

package main

import "syscall/js"

// turn gives the worker's event loop its turn while Go computes: a cancel that
// the page has sent is only seen then. It posts itself a message, which is a
// task of its own behind those that wait; a timer would cost 4 ms.
type turn struct {
	port js.Value
	back chan struct{}
}

// newTurn owns the callback of its port as long as the program lives.
func newTurn() *turn {
	channel := js.Global().Get("MessageChannel").New()
	t := &turn{port: channel.Get("port2"), back: make(chan struct{}, 1)}
	channel.Get("port1").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		t.back <- struct{}{}
		return nil
	}))
	return t
}

// yield returns when the event loop has had its turn.
func (t *turn) yield() {
	t.port.Call("postMessage", nil)
	<-t.back
}
