package dataset

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// idxPrefix is the prefix of MNIST's file names for each split.
var idxPrefix = map[Split]string{Train: "train", Test: "t10k"}

// findIDX returns the name of split's image file in dir, or "" if dir has no idx files. It is
// an error if only the other split exists.
func findIDX(dir string, split Split) (string, error) {
	other := Test
	if split == Test {
		other = Train
	}
	if name := findNamed(dir, idxPrefix[split], "images", "3"); name != "" {
		return name, nil
	}
	if name := findNamed(dir, idxPrefix[other], "images", "3"); name != "" {
		return "", fmt.Errorf("dataset: %q: contains %s but not the %s split, %s-images-idx3-ubyte", dir, name, split, idxPrefix[split])
	}
	return "", nil
}

// findNamed returns the file of dir with one of the usual spellings, or "".
func findNamed(dir, prefix, what, axes string) string {
	for _, dot := range []string{"-", "."} {
		for _, gz := range []string{"", ".gz"} {
			name := prefix + "-" + what + dot + "idx" + axes + "-ubyte" + gz
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				return name
			}
		}
	}
	return ""
}

// labelsPath returns the path of the label file that belongs to the image file at path, or ""
// if there is none.
func labelsPath(path string) string {
	prefix, _, ok := strings.Cut(filepath.Base(path), "-images")
	if !ok {
		return ""
	}
	name := findNamed(filepath.Dir(path), prefix, "labels", "1")
	if name == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(path), name)
}

// loadIDX reads an image file, [N,H,W] or [N,H,W,C], and its labels.
func loadIDX(path, classesPath string, o Options) (*Dataset, error) {
	dims, pixels, err := openIDX(path)
	if err != nil {
		return nil, err
	}
	if len(dims) == 3 {
		dims = append(dims, 1)
	}
	if len(dims) != 4 || dims[3] != 1 && dims[3] != 3 {
		return nil, fmt.Errorf("dataset: %q: axes must be [N,H,W] or [N,H,W,C] with C 1 or 3 (got %v)", path, dims)
	}
	d := &Dataset{H: dims[1], W: dims[2], C: dims[3], Images: pixels}
	if o.H != 0 && (o.H != d.H || o.W != d.W) || o.C != 0 && o.C != d.C {
		return nil, fmt.Errorf("dataset: %q: pictures are %dx%dx%d, got the size %dx%dx%d: only pictures of a folder can be resized", path, d.H, d.W, d.C, o.H, o.W, o.C)
	}
	labels := labelsPath(path)
	if labels == "" {
		return d, nil
	}
	if err := d.addLabels(labels, classesPath, dims[0]); err != nil {
		return nil, err
	}
	return d, nil
}

// addLabels reads the labels of n pictures and the names of their classes. If there are no
// names, they are the numbers from 0 to the largest label.
func (d *Dataset) addLabels(path, classesPath string, n int) error {
	dims, labels, err := openIDX(path)
	if err != nil {
		return err
	}
	if len(dims) != 1 || dims[0] != n {
		return fmt.Errorf("dataset: %q: axes must be [%d], one label per picture (got %v)", path, n, dims)
	}
	top := -1
	d.Labels = make([]int, n)
	for i, l := range labels {
		d.Labels[i] = int(l)
		top = max(top, int(l))
	}
	d.Classes, err = readClasses(classesPath)
	if err != nil {
		return err
	}
	if d.Classes == nil {
		for i := range top + 1 {
			d.Classes = append(d.Classes, strconv.Itoa(i))
		}
	}
	if top >= len(d.Classes) {
		return fmt.Errorf("dataset: %q: contains label %d, but %q has %d names", path, top, classesPath, len(d.Classes))
	}
	return nil
}

// openIDX reads the idx file at path, which is gzip-compressed if its name ends in .gz.
func openIDX(path string) ([]int, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %w", err)
	}
	var r io.Reader = f
	limit := info.Size()
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, nil, fmt.Errorf("dataset: %q: %w", path, err)
		}
		defer z.Close()
		r, limit = z, max(bombSize, bombRatio*limit)
	}
	dims, data, err := readIDX(r, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %q: %w", path, err)
	}
	return dims, data, nil
}

// Decompressed data may have bombSize bytes, or bombRatio times its size in the file if that is
// more.
const bombSize, bombRatio = 64 << 20, 100

// readIDX reads an idx file of unsigned bytes, in the format in which LeCun, Cortes and Burges
// published MNIST: two zero bytes, the type 0x08, the number of axes, each axis as a big-endian
// uint32, and the data. It allocates at most a small multiple of the bytes in r, whatever the
// header says, and refuses more than limit bytes.
func readIDX(r io.Reader, limit int64) (dims []int, data []byte, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("not an idx file: %w", unexpectedEOF(err))
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] < 1 || magic[3] > 4 {
		return nil, nil, fmt.Errorf("an idx file of bytes must start with 00 00 08 and 01 to 04 (got % x)", magic)
	}
	size := 1
	for i := range int(magic[3]) {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, nil, fmt.Errorf("idx axis %d: %w", i, unexpectedEOF(err))
		}
		axis := int(binary.BigEndian.Uint32(b[:]))
		if axis > maxBytes || axis != 0 && size > maxBytes/axis {
			return nil, nil, fmt.Errorf("idx file must have at most %d bytes in total (axis %d is %d)", maxBytes, i, axis)
		}
		size *= axis
		dims = append(dims, axis)
	}
	if int64(size) > limit {
		return nil, nil, fmt.Errorf("axes %v need %d bytes, but the file can contain at most %d", dims, size, limit)
	}
	data, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) != size {
		more := ""
		if len(data) > size {
			more = " or more"
		}
		return nil, nil, fmt.Errorf("axes %v take %d bytes (got %d%s)", dims, size, len(data), more)
	}
	return dims, data, nil
}

// unexpectedEOF replaces io.EOF, which is an error within a header, by io.ErrUnexpectedEOF.
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
