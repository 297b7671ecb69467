// Command wasmopt makes a WebAssembly program of Go's linker smaller to download, and faster.
//
//	go run ./tools/wasmopt FILE.wasm
//
// It merges the segments of the data. The linker omits every run of zeros and so splits two
// megabytes of tables into some 77,000 segments, each with its address; compressed, these
// addresses take more bytes than the zeros would. It clears the tables of files and lines,
// which only tracebacks use; function names stay. And it folds the offsets of pointers into
// memory accesses, which the compiler does not do for vectors: the kernels take a tenth to a
// fifth less time.
package main

import (
	"fmt"
	"os"

	"tweedie/weights"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: wasmopt FILE.wasm")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "wasmopt: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// run rewrites a file, completely or not at all.
func run(path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	optimized, err := Optimize(module)
	if err != nil {
		return err
	}
	return weights.WriteAtomic(path, optimized)
}
