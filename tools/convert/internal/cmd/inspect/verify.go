package inspect

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"tweedie/core/model"
	"tweedie/tools/convert/internal/await"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/weights"
)

func newVerify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify MODEL",
		Short: "Check every hash, shape and range of a model",
		Long: `Verify checks all that a model, or a .safetensors file, says about itself: the sizes and
SHA-256 of the manifest and of all shards, names and shapes, that every number is finite
and every scale usable, and that the file has exactly the tensors of the network that the
configuration describes. It names every problem.`,
		Example:           "  tweedie verify weights/models/mnist.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: checkpoints,
		RunE: func(cmd *cobra.Command, args []string) error {
			defer modelfile.Sparing()()
			d, err := await.Result(cmd.Context(), func() (*weights.Description, error) {
				d, err := weights.Verify(args[0])
				if err == nil && d.Kind == weights.KindModel {
					err = verifyNetwork(args[0])
				}
				return d, err
			})
			if err != nil {
				return err
			}
			if d.Kind == weights.KindModel && d.SHA256 == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: the manifest is of an earlier version, without a SHA-256 of itself: a change in it cannot be found\n")
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"ok": true, "kind": d.Kind, "tensors": len(d.Tensors), "parameters": d.Parameters, "bytes": d.Bytes,
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: OK: %d tensors, %d parameters, %d bytes in %d files\n",
				filepath.Base(args[0]), len(d.Tensors), d.Parameters, d.Bytes, max(1, len(d.Shards)))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// verifyNetwork builds the network of the model at path from its tensors; of a large model
// it checks that the network can be built.
func verifyNetwork(path string) error {
	m, r, err := modelfile.Read(path)
	if err != nil {
		return err
	}
	defer r.Close()
	if m.Config().Arch == model.Classifier {
		return nil
	}
	_, err = modelfile.EngineOf(m)
	return err
}
