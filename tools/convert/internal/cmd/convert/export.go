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
		Short: "Write a model as files of other programs",
		Long: `Export writes a model as files of other programs, its weights as float32:

  diffusers    a folder that diffusers opens as a UNet2DModel: config.json,
               scheduler_config.json and diffusion_pytorch_model.safetensors
  safetensors  model.safetensors, and diffusers' two .json files, or tweedie.json for a
               network that diffusers does not have
  npz          model.npz, the same with numpy

Names and layout of the weights are diffusers' in all of them. What the files do not say
of the model is said on standard error. Tweedie convert reads them again.`,
		Example: `  tweedie export ddpm.json -o ddpm-folder
  tweedie export weights/models/mnist.json -o digits --format npz`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(out, "DIR"); err != nil {
				return err
			}
			if !slices.Contains(export.Formats, format) {
				return flags.Misused("--format is %q, need %s", format, strings.Join(export.Formats, ", "))
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
	flags.Output(cmd, &out, "folder for the files; made if it is not there")
	cmd.Flags().StringVar(&format, "format", "diffusers", "what is written: "+strings.Join(export.Formats, ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(export.Formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
