package flags

import (
	"strings"

	"github.com/spf13/cobra"
)

// Output is the flag -o, which some commands cannot do without.
func Output(cmd *cobra.Command, to *string, what string) {
	cmd.Flags().StringVarP(to, "output", "o", "", what)
}

// NeedOutput reports that -o is absent.
func NeedOutput(o, what string) error {
	if o == "" {
		return Misused("no output given, need -o %s", what)
	}
	return nil
}

// NeedSuffix reports that the file of a flag, if one is given, is not named as
// what it will hold.
func NeedSuffix(flag, path, suffix string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), suffix) {
		return Misused("%s is %q, need a file name ending in %s", flag, path, suffix)
	}
	return nil
}

// Models completes the paths of models on a shell's command line.
func Models(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
}
