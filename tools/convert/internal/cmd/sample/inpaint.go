package sample

import (
	"context"
	"fmt"
	"image"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/tools/convert/internal/cmd/flags"
)

func newInpaint() *cobra.Command {
	var r images
	var imagePath, maskPath string
	var fit bool
	cmd := &cobra.Command{
		Use:   "inpaint MODEL --image IMAGE --mask MASK",
		Short: "Repaint part of an image with a model",
		Long: `Inpaint repaints the white part of the mask and keeps the bytes of the image where
the mask is black. Both are PNG or JPEG files of the model's size; --fit crops
them at the centre and resizes them instead of refusing. It prints the SHA-256 of
the pixels of all variations, uint8 [N,H,W,C].`,
		Example: `  tweedie inpaint weights/models/mnist.json --image 3.png --mask top.png -o out.png -n 8
  tweedie inpaint MODEL.json --image in.png --mask mask.png -o out.png --resample 5 --class 3`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if imagePath == "" || maskPath == "" {
				return flags.Misused("need both --image and --mask")
			}
			return r.draw(cmd, args[0], true, func(ctx context.Context, e *engine.Engine, q engine.Request, frame func(engine.Frame)) (engine.Result, error) {
				shape := e.Info().Shape
				picture, err := readPicture("image", imagePath, shape, fit)
				if err != nil {
					return engine.Result{}, err
				}
				shape[0] = 1
				mask, err := readPicture("mask", maskPath, shape, fit)
				if err != nil {
					return engine.Result{}, err
				}
				return e.Inpaint(ctx, q, picture, mask, frame)
			})
		},
	}
	r.add(cmd)
	r.sampling.AddInpaint(cmd)
	cmd.Flags().StringVar(&imagePath, "image", "", "PNG or JPEG file with what is kept")
	cmd.Flags().StringVar(&maskPath, "mask", "", "PNG or JPEG file, white where the image is repainted")
	cmd.Flags().BoolVar(&fit, "fit", false, "crop and resize image and mask to the model's size")
	return cmd
}

// readPicture reads the picture at path as the model's shape [C,H,W] has it.
func readPicture(what, path string, shape [3]int, fit bool) (engine.Picture, error) {
	img, err := dataset.ReadPicture(path)
	if err != nil {
		return engine.Picture{}, err
	}
	c, h, w := shape[0], shape[1], shape[2]
	if size := img.Bounds().Size(); size != image.Pt(w, h) && !fit {
		return engine.Picture{}, fmt.Errorf("%s %q is %dx%d (width x height), the model needs %dx%d: resize it, or let --fit do so", what, path, size.X, size.Y, w, h)
	}
	p := engine.Picture{Height: h, Width: w, Channels: c, Data: make([]uint8, h*w*c)}
	dataset.Pixels(p.Data, img, h, w, c, 0)
	return p, nil
}
