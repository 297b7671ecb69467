// Package cmd assembles the command line from the packages of its commands.
package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/tools/convert/internal/cmd/convert"
	"tweedie/tools/convert/internal/cmd/evaluate"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/inspect"
	"tweedie/tools/convert/internal/cmd/publish"
	"tweedie/tools/convert/internal/cmd/sample"
	"tweedie/tools/convert/internal/cmd/train"
)

// New returns the command line, built anew so that no flag outlives a run.
func New() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "tweedie",
		Short: "Train diffusion models, sample and inpaint with them, and publish them as static pages",
		Long: `Tweedie trains diffusion models on a laptop, converts checkpoints into small, verified
models for the web, and publishes them as static pages where anyone can generate and edit
images on their own machine.

Results go to standard output, progress and errors to standard error.
Exit status: 0 success, 1 failure, 2 wrong use of the command line, 130 stopped by Ctrl-C
or SIGTERM.`,
		Example: `  tweedie data mnist -o data/mnist
  tweedie train data/mnist -o runs/mnist
  tweedie sample runs/mnist/model.json -o digits.png --class 3 -n 16
  tweedie site runs/mnist/model.json -o dist
  tweedie serve dist`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return unknown(cmd, args[0])
			case version:
				return publish.PrintVersion(cmd.OutOrStdout(), false)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version of this program")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flags.Explain(err) })
	for _, room := range [][]*cobra.Command{
		train.Commands(), sample.Commands(), convert.Commands(), inspect.Commands(), evaluate.Commands(), publish.Commands(),
	} {
		root.AddCommand(room...)
	}
	for _, cmd := range root.Commands() {
		flags.Numbers(cmd.Flags())
		if cmd.Args != nil {
			cmd.Args = misusedArgs(cmd.Args)
		}
	}
	root.SetHelpCommand(newHelp())
	return root
}

// newHelp returns the command help, which refuses unknown commands.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show the help of a command",
		Example: "  tweedie help sample",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknown(cmd.Root(), args[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// unknown returns the error for a command that does not exist. It suggests similar names.
func unknown(root *cobra.Command, name string) error {
	root.SuggestionsMinimumDistance = 2
	near := root.SuggestionsFor(name)
	if len(near) == 0 {
		return flags.Misused("unknown command %q", name)
	}
	return flags.Misused("unknown command %q, did you mean %s?", name, strings.Join(near, " or "))
}

// misusedArgs returns check with errors that say which arguments the command takes.
func misusedArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		_, takes, _ := strings.Cut(strings.TrimSuffix(cmd.Use, " [flags]"), " ")
		takes, _, _ = strings.Cut(takes, " -")
		switch got := quoted(args); {
		case takes == "":
			return flags.Misused("%s takes no arguments (got %s)", cmd.Name(), got)
		default:
			return flags.Misused("the arguments must be %s (got %s)", takes, got)
		}
	}
}

// quoted lists arguments for people.
func quoted(args []string) string {
	if len(args) == 0 {
		return "none"
	}
	text := fmt.Sprintf("%q", args)
	return text[1 : len(text)-1]
}
