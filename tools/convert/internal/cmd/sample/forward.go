package sample

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights/npy"
)

func newForward() *cobra.Command {
	var xPath, tPath, yPath, out string
	var c flags.Compute
	cmd := &cobra.Command{
		Use:   "forward MODEL --x x.npy --t t.npy [--y y.npy] -o out.npy",
		Short: "Evaluate the network of a model once",
		Long: `Forward evaluates the network of a model without process or guidance, as another program
would call it. It serves to compare implementations.

  x    [N,C,H,W]  float32
  t    [N]        float32 or whole numbers: times, as the network was trained with them
  y    [N]        int64: class numbers, if the network takes classes
  out  [N,C,H,W]  float32`,
		Example:           "  tweedie forward MODEL.json --x x.npy --t t.npy --y y.npy -o out.npy",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if xPath == "" || tPath == "" || out == "" {
				return flags.Misused("--x, --t and -o are required: they are .npy files")
			}
			if err := flags.NeedSuffix("-o", out, ".npy"); err != nil {
				return err
			}
			e, err := modelfile.Engine(cmd, args[0], &c)
			if err != nil {
				return err
			}
			shape := e.Info().Shape
			x, err := readX(xPath, shape[:])
			if err != nil {
				return err
			}
			t, err := readVector(tPath, "t", x.Shape[0])
			if err != nil {
				return err
			}
			times := t.Float32()
			if times == nil {
				return fmt.Errorf("t %q: times must fit float32", tPath)
			}
			labels, err := readLabels(yPath, x.Shape[0])
			if err != nil {
				return err
			}
			if err := output.Prepare(out); err != nil {
				return err
			}
			result, err := e.Forward(cmd.Context(), x.Float32(), times, labels)
			if err != nil {
				return err
			}
			channels := len(result) / (x.Shape[0] * shape[1] * shape[2])
			return npy.Write(out, &npy.Array{Shape: []int{x.Shape[0], channels, shape[1], shape[2]}, Data: result})
		},
	}
	cmd.Flags().StringVar(&xPath, "x", "", "npy file, float32 [N,C,H,W]")
	cmd.Flags().StringVar(&tPath, "t", "", "npy file, float32 [N]")
	cmd.Flags().StringVar(&yPath, "y", "", "npy file, int64 [N]")
	flags.Output(cmd, &out, "npy file for the result, float32 [N,C,H,W]")
	c.Add(cmd)
	return cmd
}

// readX reads an array of images of the given shape [C,H,W].
func readX(path string, shape []int) (*npy.Array, error) {
	x, err := npy.Read(path)
	if err != nil {
		return nil, err
	}
	if _, ok := x.Data.([]float32); !ok {
		return nil, fmt.Errorf("x %q: elements must be float32 (got %T)", path, x.Data)
	}
	if len(x.Shape) != 4 || !slices.Equal(x.Shape[1:], shape) || x.Shape[0] == 0 {
		return nil, fmt.Errorf("x %q: the shape must be [N,%d,%d,%d] with N at least 1 (got %v)", path, shape[0], shape[1], shape[2], x.Shape)
	}
	return x, nil
}

// readLabels reads the class numbers of n images, nil if path is "".
func readLabels(path string, n int) ([]int, error) {
	if path == "" {
		return nil, nil
	}
	y, err := readVector(path, "y", n)
	if err != nil {
		return nil, err
	}
	labels := y.Ints()
	if labels == nil {
		return nil, fmt.Errorf("y %q: class numbers must be whole", path)
	}
	return labels, nil
}

// readVector reads an array of n numbers.
func readVector(path, what string, n int) (*npy.Array, error) {
	a, err := npy.Read(path)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 || a.Shape[0] != n {
		return nil, fmt.Errorf("%s %q: the shape must be [%d], one number for each image of x (got %v)", what, path, n, a.Shape)
	}
	return a, nil
}
