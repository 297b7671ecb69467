package sample

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/unet"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights/npy"
)

// evaluation is the flags of forward.
type evaluation struct {
	x, t, y, out string
	compute      flags.Compute
}

func newForward() *cobra.Command {
	var o evaluation
	cmd := &cobra.Command{
		Use:   "forward MODEL --x x.npy --t t.npy [--y y.npy] -o out.npy",
		Short: "Evaluate the network of a model once",
		Long: `Forward evaluates the network of a model without process or guidance, as another program
would call it. It serves to compare implementations.

  x    [N,C,H,W]  float32; H and W may be others than the model's if the network allows them
  t    [N]        float32 or whole numbers: times, as the network was trained with them
  y    [N]        int64: class numbers, if the network takes classes
  out  [N,C,H,W]  float32`,
		Example:           "  tweedie forward MODEL.json --x x.npy --t t.npy --y y.npy -o out.npy",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&o.x, "x", "", "npy file, float32 [N,C,H,W]")
	cmd.Flags().StringVar(&o.t, "t", "", "npy file, float32 [N]")
	cmd.Flags().StringVar(&o.y, "y", "", "npy file, int64 [N]")
	flags.Output(cmd, &o.out, "npy file for the result, float32 [N,C,H,W]")
	o.compute.Add(cmd)
	return cmd
}

// run evaluates the network of the model at path.
func (o *evaluation) run(cmd *cobra.Command, path string) error {
	if o.x == "" || o.t == "" || o.out == "" {
		return flags.Misused("--x, --t and -o are required: they are .npy files")
	}
	if err := flags.NeedSuffix("-o", o.out, ".npy"); err != nil {
		return err
	}
	x, err := readX(o.x)
	if err != nil {
		return err
	}
	o.compute.Size = unet.Size{H: x.Shape[2], W: x.Shape[3]}
	e, err := modelfile.Engine(cmd, path, &o.compute)
	if err != nil {
		return err
	}
	if channels := e.Info().Shape[0]; x.Shape[1] != channels {
		return fmt.Errorf("x %q: the images must have %d channels, as the model's (got %v)", o.x, channels, x.Shape)
	}
	t, err := readVector(o.t, "t", x.Shape[0])
	if err != nil {
		return err
	}
	times := t.Float32()
	if times == nil {
		return fmt.Errorf("t %q: times must fit float32", o.t)
	}
	labels, err := readLabels(o.y, x.Shape[0])
	if err != nil {
		return err
	}
	if err := output.Prepare(o.out); err != nil {
		return err
	}
	result, err := e.Forward(cmd.Context(), x.Float32(), times, labels)
	if err != nil {
		return err
	}
	channels := len(result) / (x.Shape[0] * x.Shape[2] * x.Shape[3])
	return npy.Write(o.out, &npy.Array{Shape: []int{x.Shape[0], channels, x.Shape[2], x.Shape[3]}, Data: result})
}

// readX reads an array of images [N,C,H,W].
func readX(path string) (*npy.Array, error) {
	x, err := npy.Read(path)
	if err != nil {
		return nil, err
	}
	if _, ok := x.Data.([]float32); !ok {
		return nil, fmt.Errorf("x %q: elements must be float32 (got %T)", path, x.Data)
	}
	if len(x.Shape) != 4 || slices.Contains(x.Shape, 0) {
		return nil, fmt.Errorf("x %q: the shape must be [N,C,H,W] with at least one image (got %v)", path, x.Shape)
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
