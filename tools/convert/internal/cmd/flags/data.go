package flags

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/picture"
	"tweedie/core/unet"
)

// Data is the flags of how DATA is read.
type Data struct {
	Size       unet.Size
	Channels   int
	Background uint8
	Fit        string
	Labels     string
	SkipBad    int
}

// Add declares the flags of d.
func (d *Data) Add(cmd *cobra.Command) {
	cmd.Flags().Var(&d.Size, "size", "resize the pictures of a folder to this size, such as 32 or 32x48 (height x width)")
	cmd.Flags().IntVar(&d.Channels, "channels", 0, "convert the pictures of a folder to 1 (grey), 3 (RGB) or 4 (RGB and transparency) channels; 0 leaves grey and RGB as they are")
	cmd.Flags().StringVar(&d.Fit, "fit", picture.Crop, "how pictures of a folder are brought to a size: crop, pad, or nearest, which adds no colours to pixel art")
	cmd.Flags().StringVar(&d.Labels, "labels", "", "classes of the pictures of a folder: none, or those of its list or sub-folders if left out")
	cmd.Flags().IntVar(&d.SkipBad, "skip-bad", 0, "skip up to so many unreadable pictures of a folder")
	cmd.Flags().Uint8Var(&d.Background, "background", 0, "grey level under transparent pixels in the pictures of a folder")
}

// Load reads a split of the data set at path.
func (d *Data) Load(path string, split dataset.Split) (*dataset.Dataset, error) {
	o := dataset.Options{Split: split, C: d.Channels, Background: d.Background, H: d.Size.H, W: d.Size.W, Fit: d.Fit, Labels: d.Labels, SkipBad: d.SkipBad}
	if err := o.Validate(); err != nil {
		return nil, AsMisuse(err)
	}
	return dataset.Load(path, o)
}

// HasTestSplit reports whether path is a folder in which dataset.Load finds a test split
// besides the training split.
func HasTestSplit(path string) bool {
	entries, _ := os.ReadDir(path)
	folders := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "t10k-images") {
			return true
		}
		if e.IsDir() && (e.Name() == string(dataset.Train) || e.Name() == string(dataset.Test)) {
			folders++
		}
	}
	return folders == 2
}
