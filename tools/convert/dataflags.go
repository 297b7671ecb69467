package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
)

// dataFlags says how DATA is read.
type dataFlags struct {
	size       string
	channels   int
	background uint8
}

func (d *dataFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.size, "size", "", "bring pictures of a folder to this size, as 32 or 32x48 (height x width)")
	cmd.Flags().IntVar(&d.channels, "channels", 0, "bring pictures of a folder to 1 (gray) or 3 (RGB) channels; 0 leaves them")
	cmd.Flags().Uint8Var(&d.background, "background", 0, "gray level under transparent pixels of a folder's pictures")
}

// load reads a split of the data set at path.
func (d *dataFlags) load(path string, split dataset.Split) (*dataset.Dataset, error) {
	o := dataset.Options{Split: split, C: d.channels, Background: d.background}
	if d.size != "" {
		h, w, both := strings.Cut(d.size, "x")
		if !both {
			w = h
		}
		var errH, errW error
		o.H, errH = strconv.Atoi(h)
		o.W, errW = strconv.Atoi(w)
		if errH != nil || errW != nil || o.H < 1 || o.W < 1 {
			return nil, misused("--size is %q, need a number such as 32, or two such as 32x48", d.size)
		}
	}
	if err := o.Validate(); err != nil {
		return nil, &misuse{err}
	}
	return dataset.Load(path, o)
}
