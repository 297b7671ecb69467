//go:build js && wasm

// Command browser is the program in the page's workers: it binds one JavaScript
// call to one method of core/engine and does nothing else. site/lib/worker.js starts
// it, takes the binding from it and is its only caller.
//
// Every call ends in done(error, value, aborted, field), once: error is null or the
// message of the Go error, value what the method returned, aborted whether the
// call was cancelled, field {field, got, want} of an error that names a setting, else
// null. The program never exits by itself.
//
// Built with the tag likelihood it has all methods, see likelihood.go: what few visitors ask for
// is not in what all of them fetch.
package main

import "syscall/js"

// build names the build that this program belongs to. The linker sets it (-X
// main.build=…) to what the build writes into tweedie.js and worker.js.
var build = "dev"

func main() {
	b := newBinding()
	api := js.Global().Get("Object").New()
	api.Set("build", build)
	for _, methods := range []map[string]js.Func{b.funcs(), b.likelihoodMethods()} {
		for name, f := range methods {
			api.Set(name, f)
		}
	}
	js.Global().Call("tweedie", api)
	select {}
}
