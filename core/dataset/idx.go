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

// idxPrefix gives the prefix that MNIST's file names carry for a split.
var idxPrefix = map[Split]string{Train: "train", Test: "t10k"}

// findIDX returns the name of split's image file in dir, or "" if dir has no idx
// files. The error says that only the other split is there.
func findIDX(dir string, split Split) (string, error) {
	other := Test
	if split == Test {
		other = Train
	}
	if name := findNamed(dir, idxPrefix[split], "images", "3"); name != "" {
		return name, nil
	}
	if name := findNamed(dir, idxPrefix[other], "images", "3"); name != "" {
		return "", fmt.Errorf("dataset: %q: holds %s but no %s split, need %s-images-idx3-ubyte", dir, name, split, idxPrefix[split])
	}
	return "", nil
}

// findNamed returns the file of dir with one of the spellings in use, or "".
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

// labelsBeside returns the label file that belongs to the image file at path, or
// "" if there is none.
func labelsBeside(path string) string {
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
		return nil, fmt.Errorf("dataset: %q: axes are %v, need [N,H,W] or [N,H,W,C] with C 1 or 3", path, dims)
	}
	d := &Dataset{H: dims[1], W: dims[2], C: dims[3], Images: pixels}
	if o.H != 0 && (o.H != d.H || o.W != d.W) || o.C != 0 && o.C != d.C {
		return nil, fmt.Errorf("dataset: %q: pictures are %dx%dx%d, asked for %dx%dx%d: only pictures of a folder are resized", path, d.H, d.W, d.C, o.H, o.W, o.C)
	}
	labelsPath := labelsBeside(path)
	if labelsPath == "" {
		return d, nil
	}
	if err := d.addLabels(labelsPath, classesPath, dims[0]); err != nil {
		return nil, err
	}
	return d, nil
}

// addLabels reads the labels of n pictures and the names of their classes, which
// are the numbers from 0 to the largest label when there are no names.
func (d *Dataset) addLabels(path, classesPath string, n int) error {
	dims, labels, err := openIDX(path)
	if err != nil {
		return err
	}
	if len(dims) != 1 || dims[0] != n {
		return fmt.Errorf("dataset: %q: axes are %v, need [%d], a label for each picture", path, dims, n)
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
		return fmt.Errorf("dataset: %q: holds label %d, but %q names %d classes", path, top, classesPath, len(d.Classes))
	}
	return nil
}

// openIDX reads the idx file at path, gzipped if its name ends in .gz.
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
	room := info.Size()
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, nil, fmt.Errorf("dataset: %q: %w", path, err)
		}
		defer z.Close()
		r, room = z, max(bombSize, bombRatio*room)
	}
	dims, data, err := readIDX(r, room)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %q: %w", path, err)
	}
	return dims, data, nil
}

// What is compressed may be bombSize bytes, and more if it is not bombRatio times as much
// as in the file.
const bombSize, bombRatio = 64 << 20, 100

// readIDX reads an idx file of unsigned bytes, as LeCun, Cortes and Burges
// publish MNIST: two zero bytes, the type 0x08, the number of axes, each axis
// as a big-endian uint32, then the bytes. It allocates no more than a small
// multiple of what r holds, whatever the header says, and refuses more than room bytes.
func readIDX(r io.Reader, room int64) (dims []int, data []byte, err error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, nil, fmt.Errorf("not an idx file: %w", noEOF(err))
	}
	if magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || magic[3] < 1 || magic[3] > 4 {
		return nil, nil, fmt.Errorf("not an idx file of bytes: starts with % x, need 00 00 08 and 01 to 04", magic)
	}
	size := 1
	for i := range int(magic[3]) {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, nil, fmt.Errorf("idx axis %d: %w", i, noEOF(err))
		}
		axis := int(binary.BigEndian.Uint32(b[:]))
		if axis > maxBytes || axis != 0 && size > maxBytes/axis {
			return nil, nil, fmt.Errorf("idx axis %d is %d: more than %d bytes in all", i, axis, maxBytes)
		}
		size *= axis
		dims = append(dims, axis)
	}
	if int64(size) > room {
		return nil, nil, fmt.Errorf("axes %v need %d bytes, and the file has room for %d", dims, size, room)
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
		return nil, nil, fmt.Errorf("axes %v need %d bytes, found %d%s", dims, size, len(data), more)
	}
	return dims, data, nil
}

// noEOF makes an end of file inside a header the error that it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
