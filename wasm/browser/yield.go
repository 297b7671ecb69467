//go:build js && wasm

package main

import "syscall/js"

// eventLoop lets the worker's event loop run while Go computes, because a message from
// the page, such as a cancel, is only received then. It posts a message to itself, which
// is queued as a task behind the pending ones. A timer would take 4 ms.
type eventLoop struct {
	port     js.Value
	received chan struct{}
}

// newEventLoop returns an eventLoop that lives as long as the program: its callback is
// never released.
func newEventLoop() *eventLoop {
	channel := js.Global().Get("MessageChannel").New()
	l := &eventLoop{port: channel.Get("port2"), received: make(chan struct{}, 1)}
	channel.Get("port1").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		l.received <- struct{}{}
		return nil
	}))
	return l
}

// yield returns after the event loop has handled the pending messages.
func (l *eventLoop) yield() {
	l.port.Call("postMessage", nil)
	<-l.received
}
