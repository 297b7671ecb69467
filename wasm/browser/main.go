//go:build js && wasm

// Command browser is the program that runs in the page's workers. It exposes methods of
// core/engine as JavaScript functions. site/lib/worker.js starts it, receives these
// functions from it and is their only caller.
//
// Every call ends by calling done(error, value, aborted, field) once. error is null or the
// message of the Go error. value is the method's result. aborted reports whether the
// call was cancelled. field is {field, got, want} of an error that names a setting, else
// null. The program never exits by itself.
//
// With the build tag likelihood it has all methods (see likelihood.go). Without it the
// program is smaller, and that is the one that every visitor fetches.
package main

import "syscall/js"

// build is the id of the build that this program belongs to. The linker sets it (-X
// main.build=…) to the id that is also written into tweedie.js and worker.js.
var build = "dev"

func main() {
	b := newBinding()
	api := js.Global().Get("Object").New()
	api.Set("build", build)
	for _, functions := range []map[string]js.Func{b.methods(), b.likelihoodMethods()} {
		for name, f := range functions {
			api.Set(name, f)
		}
	}
	js.Global().Call("tweedie", api)
	select {}
}
