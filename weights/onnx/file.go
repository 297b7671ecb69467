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

// file is an open ONNX file, and those beside it that hold numbers.
type file struct {
	folder string // where numbers may lie outside of it; empty for nowhere
	beside map[string]*source
	sizes  map[string]int64
	open   []io.Closer
	size   int64 // of all of them
	spent  int   // numbers that were read or computed while the graph was understood
	done   bool  // it is
}

// maxSpent bounds the numbers that are read and computed to understand a graph, beside one
// for every byte that there is.
const maxSpent = 1 << 25

// spend counts numbers that are read or computed.
func (f *file) spend(n int) {
	if f.done {
		return
	}
	if f.spent += n; n > maxSpent || int64(f.spent) > maxSpent+f.size {
		refuse("computes more than %d numbers from constants", maxSpent+f.size)
	}
}

// Close ends the reading.
func (f *file) Close() error {
	var all []error
	for _, c := range f.open {
		all = append(all, c.Close())
	}
	return errors.Join(all...)
}

// outside returns where the bytes of a tensor are whose data lie in another file of the
// folder, from which no name and no link leads out.
func (f *file) outside(external map[string]string, size int64) (stretch, error) {
	name := external["location"]
	if f.folder == "" || !filepath.IsLocal(filepath.FromSlash(name)) {
		return stretch{}, fmt.Errorf("its numbers are in %q, need a file in the folder of the model", name)
	}
	offset, err := strconv.ParseInt(orZero(external["offset"]), 10, 64)
	if err != nil || offset < 0 {
		return stretch{}, fmt.Errorf("offset is %q, need a whole number", external["offset"])
	}
	if length := external["length"]; length != "" && length != strconv.FormatInt(size, 10) {
		return stretch{}, fmt.Errorf("length is %q, need %d", length, size)
	}
	if err := f.find(name); err != nil {
		return stretch{}, err
	}
	if offset > f.sizes[name]-size {
		return stretch{}, fmt.Errorf("%q is %d bytes, need %d from %d", name, f.sizes[name], size, offset)
	}
	return stretch{of: f.beside[name], from: offset, to: offset + size}, nil
}

// maxBeside bounds the files that weights may lie in.
const maxBeside = 256

// find opens a file of the folder, unless it is open.
func (f *file) find(name string) error {
	if f.beside[name] != nil {
		return nil
	}
	if len(f.beside) == maxBeside {
		return fmt.Errorf("its numbers are in %q, need at most %d files", name, maxBeside)
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
		return fmt.Errorf("%q is no regular file", name)
	}
	f.beside[name], f.sizes[name], f.size = &source{in: in}, info.Size(), f.size+info.Size()
	return nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// parameters are the weights of a program, read from the file or computed when they are
// asked for. It is a graph.Source.
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

// Numbers implements graph.Source. See Err.
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

// Err returns the first error of reading, after which Numbers' numbers are of no use.
func (w *parameters) Err() error { return w.err }

// finite returns the numbers of a weight, none of them infinite.
func finite(name string, v view) (floats []float32, err error) {
	defer caught(&err)
	floats = v.float32s()
	for i, x := range floats {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("weight %q: number %d is %g, need a finite number", name, i, x)
		}
	}
	return floats, nil
}
