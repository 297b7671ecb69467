package dataset

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tweedie/core/picturefile"
)

// extensions are those of pictures.
var extensions = []string{".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp"}

// isPicture reports whether a file name has an extension of a supported picture.
func isPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(path.Ext(name))) && !strings.HasPrefix(path.Base(name), ".")
}

// entry is a picture before it is decoded.
type entry struct {
	file
	class       int // index into the class names, -1 for none
	dims        picturefile.Header
	transparent bool
}

// loadFolder reads a folder of pictures.
func loadFolder(dir string, o Options) (*Dataset, error) {
	dir, err := splitFolder(dir, o.Split)
	if err != nil {
		return nil, err
	}
	s, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return s.load(o)
}

// loadZip reads a zip archive of pictures.
func loadZip(path string, o Options) (*Dataset, error) {
	s, archive, err := openZip(path, o.Split)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	return s.load(o)
}

// load reads pictures in three passes: names, sizes, pixels.
func (s *origin) load(o Options) (*Dataset, error) {
	entries, classes, err := s.list(o.Labels == NoLabels)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("dataset: %q: contains neither idx files (train-images-idx3-ubyte) nor %s pictures", s.name, picturefile.Formats)
	}
	errs := eachEntry(entries, func(i int) (err error) {
		entries[i].dims, err = entries[i].header()
		return err
	})
	kept, err := s.found.tolerate(entries, errs, o.SkipBad)
	if err != nil {
		return nil, err
	}
	entries = chosen(entries, kept)
	d := &Dataset{H: o.H, W: o.W, C: o.C, Classes: classes, Found: s.found}
	if len(entries) == 0 {
		return d, nil
	}
	if err := d.setSize(entries); err != nil {
		return nil, err
	}
	size := d.H * d.W * d.C
	if len(entries) > maxBytes/size {
		return nil, fmt.Errorf("dataset: %q: %d pictures of %dx%dx%d (height x width x channels) need more than %d bytes, the limit: use a smaller size", s.name, len(entries), d.H, d.W, d.C, maxBytes)
	}
	d.Images = make([]uint8, len(entries)*size)
	errs = eachEntry(entries, func(i int) (err error) {
		entries[i].transparent, err = entries[i].pixels(d.Image(i), d, o)
		return err
	})
	if kept, err = s.found.tolerate(entries, errs, o.SkipBad); err != nil {
		return nil, err
	}
	for to, from := range kept {
		copy(d.Image(to), d.Image(from))
	}
	entries, d.Images = chosen(entries, kept), d.Images[:len(kept)*size]
	if len(classes) > 0 {
		d.Labels = make([]int, len(entries))
	}
	for i := range entries {
		if s.found.add(&entries[i]); d.Labels != nil {
			d.Labels[i] = entries[i].class
		}
	}
	s.found.countRepeated(d)
	return d, nil
}

// chosen returns the entries with these indices.
func chosen(entries []entry, indices []int) []entry {
	out := make([]entry, len(indices))
	for k, i := range indices {
		out[k] = entries[i]
	}
	return out
}

// setSize sets the size and channels that Options leave open. The error names two pictures of
// different sizes.
func (d *Dataset) setSize(entries []entry) error {
	if d.C == 0 {
		d.C = 1
		if slices.ContainsFunc(entries, func(e entry) bool { return !e.dims.Gray }) {
			d.C = 3
		}
	}
	if d.H != 0 {
		return nil
	}
	first := entries[0]
	d.H, d.W = first.dims.H, first.dims.W
	for _, e := range entries {
		if e.dims.H != d.H || e.dims.W != d.W {
			return fmt.Errorf("dataset: pictures differ in size: %q is %dx%d (height x width), %q is %dx%d: choose a common size, for example --size %d",
				first.name, d.H, d.W, e.name, e.dims.H, e.dims.W, usualSize(entries))
		}
	}
	return nil
}

// usualSize returns a size that suits the pictures and a laptop: 64, 32 or 16 pixels, the
// largest that half of the pictures have.
func usualSize(entries []entry) int {
	for _, side := range []int{64, 32} {
		large := 0
		for _, e := range entries {
			if min(e.dims.H, e.dims.W) >= side {
				large++
			}
		}
		if 2*large >= len(entries) {
			return side
		}
	}
	return 16
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
		return "", errNoTest(dir)
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

// eachEntry calls do for every index of entries, on all cores, and returns their errors.
func eachEntry(entries []entry, do func(i int) error) []error {
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
	return errs
}
