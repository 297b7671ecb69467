package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"tweedie/core/quant"
)

// file is an open ONNX file and its files of external data.
type file struct {
	folder string // of files with external data; empty to refuse external data
	others map[string]*source
	sizes  map[string]int64
	open   []io.Closer
	size   int64 // of all files together
	spent  int   // numbers that were read or computed during the import
	done   bool  // the import is complete
}

// maxSpent bounds the numbers that are read and computed during the import, in addition to one
// for every byte of the files.
const maxSpent = 1 << 25

// spend counts numbers that are read or computed during the import, and refuses too many.
func (f *file) spend(n int) {
	if f.done {
		return
	}
	if f.spent += n; n > maxSpent || int64(f.spent) > maxSpent+f.size {
		refuse("computes more than %d numbers from constants", maxSpent+f.size)
	}
}

// Close closes the files.
func (f *file) Close() error {
	var all []error
	for _, c := range f.open {
		all = append(all, c.Close())
	}
	return errors.Join(all...)
}

// external returns the section with the data of a tensor that is stored in another file of the
// folder. Neither names nor links may lead out of the folder.
func (f *file) external(external map[string]string, size int64) (section, error) {
	name := external["location"]
	if f.folder == "" || !filepath.IsLocal(filepath.FromSlash(name)) {
		return section{}, fmt.Errorf("its data is in %q, need a file in the folder of the model", name)
	}
	offset, err := strconv.ParseInt(orZero(external["offset"]), 10, 64)
	if err != nil || offset < 0 {
		return section{}, fmt.Errorf("offset is %q, need an integer of at least 0", external["offset"])
	}
	if length := external["length"]; length != "" && length != strconv.FormatInt(size, 10) {
		return section{}, fmt.Errorf("length is %q, need %d", length, size)
	}
	if err := f.find(name); err != nil {
		return section{}, err
	}
	if offset > f.sizes[name]-size {
		return section{}, fmt.Errorf("%q is %d bytes, need %d bytes from offset %d", name, f.sizes[name], size, offset)
	}
	return section{of: f.others[name], from: offset, to: offset + size}, nil
}

// maxOthers bounds the number of files with external data.
const maxOthers = 256

// find opens a file of the folder, unless it is open already.
func (f *file) find(name string) error {
	if f.others[name] != nil {
		return nil
	}
	if len(f.others) == maxOthers {
		return fmt.Errorf("its data is in %q, need at most %d files of external data", name, maxOthers)
	}
	in, err := os.OpenInRoot(f.folder, filepath.FromSlash(name))
	if err != nil {
		return err
	}
	f.open = append(f.open, in)
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", name)
	}
	f.others[name], f.sizes[name], f.size = &source{in: in}, info.Size(), f.size+info.Size()
	return nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// parameters are the weights of a program, read from the file or computed on demand. It
// implements graph.Source.
type parameters struct {
	views map[string]view
	err   error
}

// Len implements graph.Source.
func (w *parameters) Len(name string) int {
	if v, ok := w.views[name]; ok {
		return v.size()
	}
	return -1
}

// Numbers implements graph.Source. Errors are reported by Err.
func (w *parameters) Numbers(name string) quant.Numbers {
	floats, err := finite(name, w.views[name])
	if err != nil {
		if w.err == nil {
			w.err = fmt.Errorf("onnx: %w", err)
		}
		floats = make([]float32, w.Len(name))
	}
	return quant.Numbers{Float: floats}
}

// Err returns the first read error. The results of Numbers are invalid after an error.
func (w *parameters) Err() error { return w.err }

// finite returns the numbers of a weight, and refuses NaN and infinities.
func finite(name string, v view) (floats []float32, err error) {
	defer recovered(&err)
	floats = v.float32s()
	for i, x := range floats {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("weight %q: number %d is %g, need a finite number", name, i, x)
		}
	}
	return floats, nil
}
