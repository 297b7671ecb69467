package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// isPicture reports whether a file name has an extension of a supported picture.
func isPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return !strings.HasPrefix(name, ".")
	}
	return false
}

// entry is a picture of a folder before it is decoded.
type entry struct {
	path  string
	class int // index into the class names, -1 for none
	dims  header
}

// loadFolder reads a folder of pictures in three passes: names, sizes, pixels.
func loadFolder(dir string, o Options) (*Dataset, error) {
	dir, err := splitFolder(dir, o.Split)
	if err != nil {
		return nil, err
	}
	entries, classes, err := listPictures(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("dataset: %q: contains neither idx files (train-images-idx3-ubyte) nor PNG or JPEG pictures", dir)
	}
	err = eachEntry(entries, func(i int) error {
		h, err := readHeader(entries[i].path)
		entries[i].dims = h
		return err
	})
	if err != nil {
		return nil, err
	}
	d := &Dataset{H: o.H, W: o.W, C: o.C, Classes: classes}
	if err := d.setSize(entries); err != nil {
		return nil, err
	}
	size := d.H * d.W * d.C
	if len(entries) > maxBytes/size {
		return nil, fmt.Errorf("dataset: %q: %d pictures of %dx%dx%d (height x width x channels) need more than %d bytes, the limit: use a smaller size", dir, len(entries), d.H, d.W, d.C, maxBytes)
	}
	d.Images = make([]uint8, len(entries)*size)
	err = eachEntry(entries, func(i int) error {
		return readPicture(d.Image(i), entries[i].path, d.H, d.W, d.C, o.Background)
	})
	if err != nil {
		return nil, err
	}
	if len(classes) > 0 {
		d.Labels = make([]int, len(entries))
		for i, e := range entries {
			d.Labels[i] = e.class
		}
	}
	return d, nil
}

// setSize sets the size and channels that Options leave open. The error names two pictures of
// different sizes.
func (d *Dataset) setSize(entries []entry) error {
	if d.C == 0 {
		d.C = 1
		if slices.ContainsFunc(entries, func(e entry) bool { return !e.dims.gray }) {
			d.C = 3
		}
	}
	if d.H != 0 {
		return nil
	}
	first := entries[0]
	d.H, d.W = first.dims.h, first.dims.w
	for _, e := range entries {
		if e.dims.h != d.H || e.dims.w != d.W {
			return fmt.Errorf("dataset: pictures differ in size: %q is %dx%d (height x width), %q is %dx%d: choose a common size, for example --size %dx%d",
				first.path, d.H, d.W, e.path, e.dims.h, e.dims.w, min(d.H, d.W, e.dims.h, e.dims.w), min(d.H, d.W, e.dims.h, e.dims.w))
		}
	}
	return nil
}

// splitFolder returns the sub-folder of split if dir is divided into splits. If it is not, the
// training split is dir itself.
func splitFolder(dir string, split Split) (string, error) {
	sub := filepath.Join(dir, string(split))
	train, test := isDir(filepath.Join(dir, string(Train))), isDir(filepath.Join(dir, string(Test)))
	switch {
	case train && test:
		return sub, nil
	case split == Test:
		return "", fmt.Errorf("dataset: %q: there is no test split, need sub-folders train and test", dir)
	}
	return dir, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// sortClasses sorts names, by value if all of them are numbers.
func sortClasses(names []string) {
	values := map[string]int{}
	for _, name := range names {
		v, err := strconv.Atoi(name)
		if err != nil {
			slices.Sort(names)
			return
		}
		values[name] = v
	}
	slices.SortFunc(names, func(a, b string) int {
		if values[a] != values[b] {
			return values[a] - values[b]
		}
		return strings.Compare(a, b)
	})
}

// eachEntry calls do for every index of entries, on all cores, and returns the error with the
// lowest index, so that the message does not depend on the order of the work.
func eachEntry(entries []entry, do func(i int) error) error {
	errs := make([]error, len(entries))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(entries)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range entries {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
