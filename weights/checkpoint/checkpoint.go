// Package checkpoint opens files of weights in several formats: safetensors, in one file or in
// shards, PyTorch's zip archives and older pickles, and NumPy's npy and npz. The format is
// recognized by the first bytes of the file.
//
// A file is opened as a list of tensors, which are read one by one on demand.
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

// File is an open checkpoint. Its tensors can be read until it is closed.
type File struct {
	Path     string
	Kind     string // one of the constants below
	Tensors  []lazytensor.Tensor
	Values   []torch.Value     // of a PyTorch file: its values other than tensors
	Aside    []string          // of a PyTorch file: see torch.File
	Metadata map[string]string // of a safetensors file
	Bytes    int64             // size of all its files
	closers  []io.Closer
}

// The values of File.Kind.
const (
	Safetensors = "safetensors"
	Sharded     = "sharded safetensors"
	TorchZip    = "PyTorch zip"
	TorchLegacy = "PyTorch legacy"
	TorchPickle = "pickle of PyTorch tensors"
	NumPy       = "NumPy"
)

// Suffixes are the suffixes of the names of such files.
var Suffixes = []string{".safetensors", ".safetensors.index.json", ".pt", ".pth", ".pth.tar", ".ckpt", ".bin", ".pkl", ".npz", ".npy"}

// HasKnownSuffix reports whether a file name has one of Suffixes.
func HasKnownSuffix(path string) bool {
	for _, suffix := range Suffixes {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			return true
		}
	}
	return false
}

// Open opens the file at path. If the format is not supported, the error says what the file
// appears to be.
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
		return nil, fmt.Errorf("checkpoint: %q is not a regular file", path)
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

// open chooses the reader by the first bytes of the file.
func (f *File) open(start []byte) error {
	switch {
	case bytes.HasPrefix(start, []byte("\x93NUMPY")):
		return f.openNumPy()
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		// numpy.savez writes only NAME.npy; torch.save begins with NAME/data.pkl.
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
		{"version https://git-lfs", "a Git LFS pointer, not the file itself: download it with git lfs pull"},
		{"<", "an HTML page, which a server sent instead of the file"},
		{"\x1f\x8b", "compressed with gzip: decompress it first"},
		{"\x89HDF", "an HDF5 file, as Keras writes it, which is not supported: export the network as ONNX"},
		{"GGUF", "a GGUF file, quantised weights of llama.cpp and its relatives, which is not supported: take the weights as safetensors"},
		{"ggml", "a GGML file, which is not supported: take the weights as safetensors"},
		{"\x08\x08\x12", "an ONNX file: it must end in .onnx"},
		{"\xde\x00", "a msgpack file, as Flax writes it, which is not supported: export the network as ONNX, or its weights with numpy.savez"},
		{"\x81\xa6params", "a msgpack file, as Flax writes it, which is not supported: export the network as ONNX, or its weights with numpy.savez"},
		{"7z\xbc\xaf", "a 7z archive: unpack it first"},
		{"Rar!", "a RAR archive: unpack it first"},
		{"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first"},
		{"BZh", "compressed with bzip2: decompress it first"},
		{"PK", "a damaged or empty zip archive"},
	} {
		if bytes.HasPrefix(start, []byte(other.start)) {
			return fmt.Errorf("checkpoint: %q is %s", f.Path, other.what)
		}
	}
	switch {
	case len(start) > 262 && string(start[257:262]) == "ustar":
		return fmt.Errorf("checkpoint: %q is a tar archive: unpack it first", f.Path)
	case len(start) > 8 && string(start[4:8]) == "TFL3":
		return fmt.Errorf("checkpoint: %q is a TensorFlow Lite file, which is not supported: export the network as ONNX", f.Path)
	}
	return fmt.Errorf("checkpoint: %q is neither safetensors nor a file of torch.save or numpy.save: it starts with %.16q", f.Path, start)
}

// Close closes the files. Tensors cannot be read afterwards.
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
	switch t.Container {
	case torch.Legacy:
		f.Kind = TorchLegacy
	case torch.Pickle:
		f.Kind = TorchPickle
	}
	f.Tensors, f.Values, f.Aside, f.closers = t.Tensors, t.Values, t.Aside, append(f.closers, t)
	return nil
}
