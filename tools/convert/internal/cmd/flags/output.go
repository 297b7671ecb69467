package flags

import (
	"strings"

	"github.com/spf13/cobra"
)

// Output declares the flag -o.
func Output(cmd *cobra.Command, to *string, what string) {
	cmd.Flags().StringVarP(to, "output", "o", "", what)
}

// NeedOutput returns an error if -o is absent.
func NeedOutput(o, what string) error {
	if o == "" {
		return Misused("-o %s is required", what)
	}
	return nil
}

// NeedSuffix returns an error if the file of a flag is given and its name does not end in
// suffix.
func NeedSuffix(flag, path, suffix string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), suffix) {
		return Misused("%s must be a file name that ends in %s (got %q)", flag, suffix, path)
	}
	return nil
}

// Models completes the paths of models in a shell.
func Models(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}
