// Package checkpoint opens files of weights, whoever wrote them: safetensors, whole
// or in shards, PyTorch's zip archives and older pickles, and NumPy's npy and npz.
// What kind a file is, its first bytes say.
//
// A file is opened as a list of tensors, which are read one by one.
package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
	"tweedie/weights/npy"
	"tweedie/weights/torch"
)

// File is an open checkpoint. Its tensors are read as long as it is open.
type File struct {
	Path     string
	Kind     string // one of the kinds
	Tensors  []lazytensor.Tensor
	Values   []torch.Value     // of a PyTorch file: what stands beside the tensors
	Metadata map[string]string // of a safetensors file
	Bytes    int64             // of all its files
	closers  []io.Closer
}

// The kinds of File.
const (
	Safetensors = "safetensors"
	Sharded     = "sharded safetensors"
	TorchZip    = "PyTorch zip"
	TorchLegacy = "PyTorch legacy"
	NumPy       = "NumPy"
)

// Suffixes are how the names of such files end.
var Suffixes = []string{".safetensors", ".safetensors.index.json", ".pt", ".pth", ".ckpt", ".bin", ".npz", ".npy"}

// Named reports whether a file is named as those that Open reads.
func Named(path string) bool {
	for _, suffix := range Suffixes {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			return true
		}
	}
	return false
}

// Open opens the file at path. The error says what the file is instead.
func Open(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("checkpoint: %q is no regular file", path)
	}
	start := make([]byte, min(info.Size(), 512))
	if _, err := io.ReadFull(in, start); err != nil {
		return nil, fmt.Errorf("checkpoint: %q: %w", path, err)
	}
	f := &File{Path: path, Bytes: info.Size()}
	if err := f.open(start); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// open chooses the reader by how the file starts.
func (f *File) open(start []byte) error {
	switch {
	case bytes.HasPrefix(start, []byte("\x93NUMPY")):
		return f.openNumPy()
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		// numpy.savez writes nothing but NAME.npy; torch.save begins with NAME/data.pkl.
		if n := int(binary.LittleEndian.Uint16(start[min(26, len(start)-2):])); 30+n <= len(start) && bytes.HasSuffix(start[30:30+n], []byte(".npy")) {
			return f.openNumPy()
		}
		return f.openTorch()
	case len(start) > 8 && start[8] == '{' && binary.LittleEndian.Uint64(start) <= weights.MaxHeader:
		return f.openSafetensors()
	case bytes.HasPrefix(start, []byte{0x80}):
		return f.openTorch()
	case strings.HasSuffix(f.Path, ".index.json"):
		return f.openShards()
	}
	for _, other := range []struct{ start, what string }{
		{"version https://git-lfs", "a pointer of Git LFS in place of the file: fetch it with git lfs pull"},
		{"<", "a page of HTML, as servers send in place of a file"},
		{"\x1f\x8b", "compressed with gzip: unpack it"},
		{"\x89HDF", "HDF5, which is not read here"},
		{"PK", "a damaged or empty zip archive"},
	} {
		if bytes.HasPrefix(start, []byte(other.start)) {
			return fmt.Errorf("checkpoint: %q is %s", f.Path, other.what)
		}
	}
	return fmt.Errorf("checkpoint: %q is neither safetensors nor a file of torch.save or numpy.save: it starts with %.16q", f.Path, start)
}

// Close ends the reading of the file's tensors.
func (f *File) Close() error {
	var first error
	for _, c := range f.closers {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (f *File) openNumPy() error {
	a, err := npy.OpenArchive(f.Path)
	if err != nil {
		return err
	}
	f.Kind, f.Tensors, f.closers = NumPy, a.Tensors, append(f.closers, a)
	return nil
}

func (f *File) openTorch() error {
	t, err := torch.Open(f.Path)
	if err != nil {
		return err
	}
	f.Kind = TorchZip
	if t.Container == torch.Legacy {
		f.Kind = TorchLegacy
	}
	f.Tensors, f.Values, f.closers = t.Tensors, t.Values, append(f.closers, t)
	return nil
}
