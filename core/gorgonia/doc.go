// Package gorgonia is the bridge to gorgonia.org/tensor, the array of the native
// side: Dense arrays become tensors and tensors Dense arrays. It is never linked
// into wasm, where gorgonia is too heavy.
//
// A Dense may be a view: sliced, transposed, or stored column by column. All that
// is read here by its strides, so that no caller needs to know. Gorgonia holds no
// array with an empty axis and panics on an attempt; here that is an error.
package gorgonia

// Gorgonia panics at start unless this package knows the Go release; naming it
// here keeps its version pinned in go.mod.
import _ "go4.org/unsafe/assume-no-moving-gc"
