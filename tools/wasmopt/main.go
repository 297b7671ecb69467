// Command slim makes a WebAssembly program of Go's linker smaller to send, and faster.
//
//	go run ./tools/wasmopt FILE.wasm
//
// It joins the segments of the data: the linker leaves out every run of zeros, and so
// cuts two megabytes of tables into some 77,000 pieces, each with its address, and
// compressed, addresses cost more than zeros. And it clears the tables of files and
// lines, which only a traceback reads; functions keep their names there. It also folds
// the offsets of pointers into the accesses to memory, which the compiler does not do
// for vectors: the kernels take a tenth to a fifth less time.
package main

import (
	"fmt"
	"os"

	"tweedie/weights"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: slim FILE.wasm")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "slim: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// run rewrites a file: whole, or not at all.
func run(path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	slim, err := Slim(module)
	if err != nil {
		return err
	}
	return weights.WriteAtomic(path, slim)
}
