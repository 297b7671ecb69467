package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tweedie/weights"
)

// Bounds on what a data set may ask for.
const (
	maxBytes  = 8 << 30 // of all pixels together
	maxSide   = 1 << 14 // of one picture, before it is resized
	maxPixels = 1 << 25 // of one picture, before it is resized
)

// Dataset is a set of pictures of one size, with or without labels.
type Dataset struct {
	H, W, C int
	Classes []string // names; empty when the pictures have no labels
	Images  []uint8  // [N,H,W,C]
	Labels  []int    // [N], each in [0, len(Classes)); nil when there are none
}

// Len returns the number of pictures.
func (d *Dataset) Len() int {
	if d.H*d.W*d.C == 0 {
		return 0
	}
	return len(d.Images) / (d.H * d.W * d.C)
}

// Image returns the pixels of picture i, [H,W,C], shared with d.
func (d *Dataset) Image(i int) []uint8 {
	n := d.H * d.W * d.C
	return d.Images[i*n : (i+1)*n : (i+1)*n]
}

// Split names one part of a data set.
type Split string

const (
	Train Split = "train"
	Test  Split = "test"
)

// Options says how a data set is read. The zero value reads the training split
// at the pictures' own size and channels.
type Options struct {
	Split      Split // "" means Train
	H, W       int   // size of folder pictures, resized and cropped at the centre; 0 means their own, which must then be one
	C          int   // channels of folder pictures: 1 gray, 3 RGB; 0 means gray if every picture is gray, else RGB
	Background uint8 // gray level under transparent pixels; 0 is black
}

// Validate reports the first setting that no data set could be read with.
func (o Options) Validate() error {
	switch {
	case o.Split != "" && o.Split != Train && o.Split != Test:
		return fmt.Errorf("dataset: split is %q, need %q or %q", o.Split, Train, Test)
	case (o.H == 0) != (o.W == 0) || o.H < 0 || o.W < 0 || o.H > maxSide || o.W > maxSide:
		return fmt.Errorf("dataset: size is %dx%d, need both sides in [1, %d]", o.H, o.W, maxSide)
	case o.C != 0 && o.C != 1 && o.C != 3:
		return fmt.Errorf("dataset: channels are %d, need 1 or 3", o.C)
	}
	return nil
}

// Open reads the training pictures of path: Load with the zero Options.
func Open(path string) (*Dataset, error) { return Load(path, Options{}) }

// Load reads path, which is one of
//
//   - a folder with idx files under MNIST's names (train-images-idx3-ubyte,
//     train-labels-idx1-ubyte, t10k-… for the test split; .gz accepted), and
//     optionally classes.txt, a name a line;
//   - one idx file of images, whose labels are read from the file beside it
//     that MNIST's naming gives, when there is one;
//   - a folder of PNG and JPEG files: sub-folders are classes; a folder with
//     sub-folders train and test holds its splits in them.
//
// Files and classes are taken in sorted order, classes that are all numbers by
// value. The error names the file, what it holds and what it needs to hold.
func Load(path string, o Options) (*Dataset, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Split == "" {
		o.Split = Train
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	d, err := load(path, info.IsDir(), o)
	if err != nil {
		return nil, err
	}
	if d.Len() == 0 {
		return nil, fmt.Errorf("dataset: %q: holds no picture, need at least 1", path)
	}
	return d, nil
}

func load(path string, isDir bool, o Options) (*Dataset, error) {
	if !isDir {
		return loadIDX(path, classesBeside(path), o)
	}
	name, err := findIDX(path, o.Split)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return loadIDX(filepath.Join(path, name), classesBeside(filepath.Join(path, name)), o)
	}
	return loadFolder(path, o)
}

// classesBeside returns where the class names of an idx file may stand.
func classesBeside(path string) string {
	return filepath.Join(filepath.Dir(path), "classes.txt")
}

// readClasses returns the names in a classes.txt, a name a line; nil if there is
// no such file.
func readClasses(path string) ([]string, error) {
	text, err := weights.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
