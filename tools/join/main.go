// Command join makes a WebAssembly program of Go's linker smaller to send: it joins
// the segments of its data.
//
//	go run ./tools/join FILE.wasm
//
// The linker leaves out every run of zeros, and so cuts two megabytes of tables into
// some 77,000 pieces, each with its address. Compressed, addresses cost more than
// zeros: with brotli the page's program is 8 % smaller when the pieces are one.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: join FILE.wasm")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "join: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// run rewrites a file: whole, or not at all.
func run(path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	joined, err := Join(module)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".joined", joined, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".joined", path)
}
