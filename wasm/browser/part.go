//go:build js && wasm && !whole

package main

import "syscall/js"

// whole returns nothing: this is the program of every visit.
func (b *binding) whole() map[string]js.Func { return nil }
