package torch

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"strings"

	"tweedie/weights"
)

// parseZip returns the value of the pickle in a zip archive, NAME/data.pkl. The storages are
// entries NAME/data/KEY. No entry is compressed.
func parseZip(in io.ReaderAt, size int64, c *contents) (any, error) {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, err
	}
	entries := map[string]*zip.File{}
	folder := ""
	for _, f := range z.File {
		entries[f.Name] = f
		if dir, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && (folder == "" || len(dir) < len(folder)) {
			folder = dir
		}
	}
	pickle := entries[folder+"data.pkl"]
	if entries[folder+"constants.pkl"] != nil {
		return nil, fmt.Errorf("is a TorchScript program: save its weights alone with torch.save(torch.jit.load(FILE).state_dict(), \"weights.pt\"), or export the module with torch.onnx.export")
	}
	if pickle == nil {
		return nil, fmt.Errorf("is a zip archive without data.pkl, which torch.save writes")
	}
	if order := entries[folder+"byteorder"]; order != nil {
		at, n, err := extent(order, size)
		if err != nil {
			return nil, err
		}
		text := make([]byte, min(n, 16))
		if _, err := in.ReadAt(text, at); err != nil || string(text) != "little" {
			return nil, fmt.Errorf("byte order must be little (got %q)", text)
		}
	}
	at, count, err := extent(pickle, size)
	if err != nil {
		return nil, err
	}
	if count > maxPickle {
		return nil, fmt.Errorf("%s must be at most %d bytes (got %d)", pickle.Name, maxPickle, count)
	}
	m := &machine{contents: c, in: &source{Reader: bufio.NewReader(io.NewSectionReader(in, at, count)), left: count}}
	found := map[string]*storage{}
	m.load = resolve(func(key string, dtype weights.DType, count int64, _ tuple) (*storage, error) {
		if s := found[key]; s != nil && s.dtype == dtype {
			return s, nil
		}
		f := entries[folder+"data/"+key]
		if f == nil {
			return nil, fmt.Errorf("storage %q is not in the archive", key)
		}
		at, bytes, err := extent(f, size)
		if err != nil {
			return nil, err
		}
		need := count * int64(max(dtype.Size(), 1))
		if bytes < need {
			return nil, fmt.Errorf("storage %q must be %d bytes (got %d)", key, need, bytes)
		}
		s := &storage{key: key, dtype: dtype, bytes: need, in: in, at: at}
		found[key] = s
		return s, nil
	})
	return m.run()
}

// extent returns the position and size of an entry's data in an archive of the given size.
func extent(f *zip.File, archive int64) (at, size int64, err error) {
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return 0, 0, fmt.Errorf("entry %q is compressed: torch.save writes uncompressed entries", f.Name)
	}
	at, err = f.DataOffset()
	if err != nil {
		return 0, 0, fmt.Errorf("entry %q: %w", f.Name, err)
	}
	if at > archive || f.UncompressedSize64 > uint64(archive-at) {
		return 0, 0, fmt.Errorf("entry %q is %d bytes, but only %d are left in the archive", f.Name, f.UncompressedSize64, archive-at)
	}
	return at, int64(f.UncompressedSize64), nil
}
