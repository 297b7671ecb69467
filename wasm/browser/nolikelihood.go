//go:build js && wasm && !likelihood

package main

import "syscall/js"

// likelihoodMethods returns nothing: this is the program that every visit loads.
func (b *binding) likelihoodMethods() map[string]js.Func { return nil }
