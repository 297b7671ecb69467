package convert

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/weights/export"
)

func newExport() *cobra.Command {
	var out, format string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export MODEL -o DIR",
		Short: "Write a model in a format of other programs",
		Long: `Export writes a model in a format of other programs, with float32 weights:

  diffusers    a folder that diffusers opens as a UNet2DModel: config.json,
               scheduler_config.json and diffusion_pytorch_model.safetensors
  safetensors  model.safetensors and the two .json files of diffusers, or tweedie.json for
               a network that diffusers does not have
  npz          model.npz for numpy, and the same .json files

The weights have the names and layout of diffusers in all formats. Export prints on
standard error which properties of the model the files cannot express. Tweedie convert
reads the files again.`,
		Example: `  tweedie export ddpm.json -o ddpm-folder
  tweedie export weights/models/mnist.json -o digits --format npz`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(out, "DIR"); err != nil {
				return err
			}
			if !slices.Contains(export.Formats, format) {
				return flags.Misused("--format must be one of %s (got %q)", strings.Join(export.Formats, ", "), format)
			}
			defer modelfile.Sparing()()
			m, r, err := modelfile.Read(args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			if err := os.MkdirAll(out, 0o777); err != nil {
				return err
			}
			notes, err := export.Write(out, format, m)
			if err != nil {
				return err
			}
			for _, text := range notes {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", text)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"folder": out, "format": format, "parameters": m.Parameters(), "notes": notes})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d parameters as %s\n", out, m.Parameters(), format)
			return nil
		},
	}
	flags.Output(cmd, &out, "folder for the files; it is made if necessary")
	cmd.Flags().StringVar(&format, "format", "diffusers", "format of the files: "+strings.Join(export.Formats, ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(export.Formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
