package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// output is the flag -o, which some commands cannot do without.
func output(cmd *cobra.Command, to *string, what string) {
	cmd.Flags().StringVarP(to, "output", "o", "", what)
}

// needOutput reports that -o is absent.
func needOutput(o, what string) error {
	if o == "" {
		return misused("no output given, need -o %s", what)
	}
	return nil
}

// needSuffix reports that the file of a flag, if one is given, is not named as
// what it will hold.
func needSuffix(flag, path, suffix string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), suffix) {
		return misused("%s is %q, need a file name ending in %s", flag, path, suffix)
	}
	return nil
}

// prepare makes the folders of files that are to be written, "" for none. It says before
// the work what would else be found after it: that there can be no such file.
func prepare(files ...string) error {
	for _, file := range files {
		if file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return fmt.Errorf("output %q is a folder, need the name of a file", file)
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
