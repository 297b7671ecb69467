// Package cmd is the command line: every command in one of its rooms.
package cmd

import (
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
	root := &cobra.Command{
		Use:   "tweedie",
		Short: "Train diffusion models, sample and inpaint with them, and publish them as static pages",
		Long: `Tweedie trains a diffusion model on a laptop, turns any checkpoint into a small
verified web model, and publishes it as a static page on which anybody samples
and inpaints on their own machine.

Output goes to standard output, progress and errors to standard error.
Exit status: 0 done, 1 failed, 2 misused.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return flags.Misused("unknown command %q%s", args[0], didYouMean(cmd, args[0]))
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flags.AsMisuse(err) })
	for _, room := range [][]*cobra.Command{
		train.Commands(), sample.Commands(), convert.Commands(), inspect.Commands(), evaluate.Commands(), publish.Commands(),
	} {
		root.AddCommand(room...)
	}
	for _, cmd := range root.Commands() {
		if cmd.Args != nil {
			cmd.Args = misusedArgs(cmd.Args)
		}
	}
	return root
}

// didYouMean returns a hint at commands that are spelt nearly so.
func didYouMean(cmd *cobra.Command, name string) string {
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(name)
	if len(near) == 0 {
		return ""
	}
	return ", did you mean " + strings.Join(near, " or ") + "?"
}

// misusedArgs makes the errors of check misuses, worded by what the command takes.
func misusedArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		_, takes, _ := strings.Cut(strings.TrimSuffix(cmd.Use, " [flags]"), " ")
		return flags.Misused("found %d arguments %q, need %s", len(args), args, takes)
	}
}
