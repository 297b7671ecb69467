// Bundle writes the page's files, without the wasm, and their build id into a folder.
//
//	bundle WASM_EXEC DIR
//
// WASM_EXEC is wasm_exec.js of the toolchain. Bundle runs in the module's root; make
// wasm calls it.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tweedie/site/bundle"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is main without the process around it. It returns the exit status.
func run(args []string, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: bundle WASM_EXEC DIR")
		return 2
	}
	if err := write(args[0], args[1]); err != nil {
		fmt.Fprintf(stderr, "%v\n", err)
		return 1
	}
	return 0
}

// write bundles the page into dir.
func write(wasmExec, dir string) error {
	id, err := bundle.BuildID(".")
	if err != nil {
		return err
	}
	files, err := bundle.Files(bundle.Sources{Site: "site", WasmExec: wasmExec, Build: id})
	if err != nil {
		return err
	}
	files["build-id"] = []byte(id + "\n")
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
