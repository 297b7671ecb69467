//go:build js && wasm && !likelihood

package main

import "syscall/js"

// likelihoodMethods returns no methods: tweedie.wasm, which every visit fetches, has no likelihoods.
func (b *binding) likelihoodMethods() map[string]js.Func { return nil }
