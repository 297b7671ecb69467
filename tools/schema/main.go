// Schema writes what follows from the one table of settings (engine.Request.Values): the
// reference docs/settings.md, the types of calls in the JavaScript module, and the
// description of the HTTP API.
//
//	schema ROOT    ROOT is the folder of the module
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . ../..

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schema ROOT")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

// write brings the files below root up to date.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files by their names below root. Of those that hold more than what
// is generated, the rest stays as it is.
func generate(root string) (map[string][]byte, error) {
	const types = "site/lib/tweedie.d.ts"
	old, err := os.ReadFile(filepath.Join(root, types))
	if err != nil {
		return nil, err
	}
	declared, err := replaceTypes(old)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", types, err)
	}
	api, err := openAPI()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"docs/settings.md":          reference(),
		types:                       declared,
		"core/httpapi/openapi.json": api,
	}, nil
}
