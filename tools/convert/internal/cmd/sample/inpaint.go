package sample

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/picture"
	"tweedie/core/picturefile"
	"tweedie/tools/convert/internal/cmd/flags"
)

// inpainting is the flags of inpaint.
type inpainting struct {
	images      images
	image, mask string // files
	fit         picture.Options
}

func newInpaint() *cobra.Command {
	var o inpainting
	cmd := &cobra.Command{
		Use:   "inpaint MODEL --image IMAGE --mask MASK",
		Short: "Repaint part of an image with a model",
		Long: `Inpaint repaints the white part of the mask and keeps the bytes of the image where
the mask is black. Both are PNG, JPEG, GIF, WebP or BMP files. A picture of another size than the
model's is brought to it: --fit crop cuts off what does not fit, --fit pad keeps the
whole picture and fills the rest with the colour of its border. The command prints the
SHA-256 of the pixels of all variations, uint8 [N,H,W,C].`,
		Example: `  tweedie inpaint weights/models/mnist.json --image 3.png --mask top.png -o out.png -n 8
  tweedie inpaint weights/models/mnist.json --image photo.jpg --mask mask.png --fit pad --invert auto -o out.png
  tweedie inpaint MODEL.json --image in.png --mask mask.png -o out.png --resample 5 --class 3`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	o.images.add(cmd)
	o.images.sampling.AddInpaint(cmd)
	f := cmd.Flags()
	f.StringVar(&o.image, "image", "", "PNG, JPEG, GIF, WebP or BMP file: the image, part of which is kept")
	f.StringVar(&o.mask, "mask", "", "PNG, JPEG, GIF, WebP or BMP file: white where the image is repainted, black where it is kept")
	f.StringVar(&o.fit.Fit, "fit", picture.Crop, "how pictures of another size are brought to the model's: crop or pad")
	f.StringVar(&o.fit.Background, "background", "white", "colour under transparent pixels of the image: white, black, #rrggbb, or auto (black under a light drawing, else white)")
	f.StringVar(&o.fit.Invert, "invert", picture.InvertNo, "exchange dark and light in the image: no, yes, or auto (for models of one channel, if its border is light)")
	f.StringVar(&o.fit.Levels, "levels", "no", "for models of one channel, after --invert: auto makes the image's border black and its lightest pixels white; or no")
	for flag, values := range map[string][]string{"fit": {picture.Crop, picture.Pad}, "invert": {picture.InvertNo, picture.InvertYes, picture.InvertAuto}} {
		cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// run reads both pictures, which must be good, before it opens the model.
func (o *inpainting) run(cmd *cobra.Command, path string) error {
	if o.image == "" || o.mask == "" {
		return flags.Misused("--image and --mask must both be given")
	}
	if err := o.fit.Validate(); err != nil {
		return flags.AsMisuse(err)
	}
	img, err := picturefile.Open(o.image)
	if err != nil {
		return err
	}
	mask, err := picturefile.Open(o.mask)
	if err != nil {
		return err
	}
	return o.images.draw(cmd, path, true, func(ctx context.Context, e *engine.Engine, q engine.Request, frame func(engine.Frame)) (engine.Result, error) {
		shape := e.Info().Shape
		o.note(cmd, "image", img, shape)
		o.note(cmd, "mask", mask, shape)
		fitted, err := picture.FitImage(img, shape, o.fit)
		if err != nil {
			return engine.Result{}, err
		}
		where, err := picture.MaskImage(mask, shape, o.fit)
		if err != nil {
			return engine.Result{}, err
		}
		noteMask(cmd, mask, where)
		c, h, w := shape[0], shape[1], shape[2]
		return e.Inpaint(ctx, q, engine.Picture{Height: h, Width: w, Channels: c, Data: fitted.Pix}, engine.Picture{Height: h, Width: w, Channels: 1, Data: where}, frame)
	})
}

// noteMask says on standard error what is unusual about a mask.
func noteMask(cmd *cobra.Command, mask image.Image, where []uint8) {
	most := slices.Max(where)
	switch {
	case picture.Binary(mask):
		fmt.Fprintln(cmd.ErrOrStderr(), "note: the mask has the levels 0 and 1 alone: they are taken as black and white")
	case most == 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "note: the mask is black everywhere: nothing is repainted")
	case most < 128:
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the mask is nowhere lighter than %d of 255: the repainted part keeps most of the image\n", most)
	}
}

// note says on standard error that a picture is brought to another size.
func (o *inpainting) note(cmd *cobra.Command, what string, img image.Image, shape [3]int) {
	if size := img.Bounds().Size(); size != image.Pt(shape[2], shape[1]) {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the %s is %dx%d (width x height) and the model %dx%d: it is resized with --fit %s\n", what, size.X, size.Y, shape[2], shape[1], o.fit.Fit)
	}
}
