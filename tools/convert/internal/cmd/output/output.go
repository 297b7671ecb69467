// Package output writes the results of commands: files, sheets of images, text.
package output

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Prepare makes the folders of files that are to be written; "" stands for none. It returns
// an error if a file could not be written, which is otherwise found out after the work.
func Prepare(files ...string) error {
	for _, file := range files {
		if file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return fmt.Errorf("output %q is a folder: it must be the name of a file", file)
		}
		folder := filepath.Dir(file)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return fmt.Errorf("output %q: %w", file, err)
		}
		try, err := os.CreateTemp(folder, ".tweedie-*.tmp") // which a folder may not allow
		if err == nil {
			err = errors.Join(try.Close(), os.Remove(try.Name()))
		}
		if err != nil {
			return fmt.Errorf("output %q: %w", file, err)
		}
	}
	return nil
}
