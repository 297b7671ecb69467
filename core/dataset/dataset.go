package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tweedie/core/picture"
	"tweedie/weights"
)

// The limits of a data set.
const (
	maxBytes = 8 << 30 // of all pixels together
	maxSide  = 1 << 14 // pixels of a side
)

// Dataset is a set of pictures of the same size, with or without labels.
type Dataset struct {
	H, W, C int
	Classes []string // names; empty if the pictures have no labels
	Images  []uint8  // [N,H,W,C]
	Labels  []int    // [N], each in [0, len(Classes)); nil if the pictures have no labels
	Found   *Found   // what was found in a folder or an archive; nil for others
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

// Options specify how a data set is read. The zero value reads the training split with the
// pictures' own size and channels.
type Options struct {
	Split      Split  // "" means Train
	H, W       int    // size to which pictures of a folder are cropped and resized; 0 means their own size, which must then be the same for all
	C          int    // channels of pictures of a folder: 1 gray, 3 RGB, 4 RGB and alpha, with black under pixels that are fully transparent; 0 means gray if every picture is gray, else RGB
	Background uint8  // gray level under transparent pixels; 0 is black
	Fit        string // how pictures of a folder are brought to size: picture.Crop, picture.Pad or Nearest; "" means crop
	SkipBad    int    // so many unreadable pictures of a folder are skipped; one more is an error
	Labels     string // NoLabels for pictures without classes; "" for those of lists or sub-folders
}

// Nearest is the value of Options.Fit for pixel art: pictures are cropped and resized without
// new colours.
const Nearest = "nearest"

// NoLabels is the value of Options.Labels for pictures without classes.
const NoLabels = "none"

// Validate reports the first invalid setting.
func (o Options) Validate() error {
	switch {
	case o.Split != "" && o.Split != Train && o.Split != Test:
		return fmt.Errorf("dataset: split must be %q or %q (got %q)", Train, Test, o.Split)
	case (o.H == 0) != (o.W == 0) || o.H < 0 || o.W < 0 || o.H > maxSide || o.W > maxSide:
		return fmt.Errorf("dataset: both sides of size must be in [1, %d] (got %dx%d)", maxSide, o.H, o.W)
	case o.C != 0 && o.C != 1 && o.C != 3 && o.C != 4:
		return fmt.Errorf("dataset: channels must be 1, 3 or 4 (got %d)", o.C)
	}
	switch {
	case o.Fit != "" && o.Fit != picture.Crop && o.Fit != picture.Pad && o.Fit != Nearest:
		return fmt.Errorf("dataset: fit must be %s, %s or %s (got %q)", picture.Crop, picture.Pad, Nearest, o.Fit)
	case o.SkipBad < 0:
		return fmt.Errorf("dataset: the number of pictures to skip must be at least 0 (got %d)", o.SkipBad)
	case o.Labels != "" && o.Labels != NoLabels:
		return fmt.Errorf("dataset: labels must be %q or left out (got %q)", NoLabels, o.Labels)
	}
	return nil
}

// Open reads the training pictures of path. It is Load with the zero Options.
func Open(path string) (*Dataset, error) { return Load(path, Options{}) }

// Load reads path, which is one of
//
//   - a folder with idx files under MNIST's names (train-images-idx3-ubyte,
//     train-labels-idx1-ubyte, t10k-… for the test split; also with .gz), and
//     optionally classes.txt with one name per line;
//   - one idx file of images; its labels are read from the file in the same folder
//     with the corresponding name, if there is one;
//   - a folder or a zip archive of PNG, JPEG, GIF, WebP and BMP files: classes are those of a
//     dataset.json, metadata.jsonl or captions.txt, or else the sub-folders; if there are sub-folders train
//     and test, they are the splits.
//
// Files and classes are in sorted order; classes whose names are all numbers are sorted by
// value. The error names the file, what it contains and what it should contain.
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
		return nil, fmt.Errorf("dataset: %q: must contain at least one picture", path)
	}
	return d, nil
}

func load(path string, isDir bool, o Options) (*Dataset, error) {
	if strings.EqualFold(filepath.Ext(path), ".zip") && !isDir {
		return loadZip(path, o)
	}
	if !isDir {
		return loadIDX(path, classesPath(path), o)
	}
	name, err := findIDX(path, o.Split)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return loadIDX(filepath.Join(path, name), classesPath(filepath.Join(path, name)), o)
	}
	return loadFolder(path, o)
}

// classesPath returns the path of the file with the class names of an idx file.
func classesPath(path string) string {
	return filepath.Join(filepath.Dir(path), "classes.txt")
}

// readClasses returns the names in a classes.txt, which has one per line; nil if there is no
// such file.
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
