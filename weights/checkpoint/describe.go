package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"

	"tweedie/weights"
)

// Describe describes the file, reading one tensor after another. Metadata is that of a
// safetensors file, or the values of a PyTorch file other than tensors. Tensors are hashed
// until four times the size of the file has been read, since tensors may share storage.
func (f *File) Describe() (*weights.Description, error) {
	d := &weights.Description{Kind: f.Kind, Path: f.Path, Bytes: int(f.Bytes), RawBytes: int(f.Bytes), Metadata: maps.Clone(f.Metadata)}
	var err error
	if d.SHA256, err = fileHash(f.Path); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, v := range f.Values {
		if d.Metadata == nil {
			d.Metadata = map[string]string{}
		}
		d.Metadata[v.Name] = fmt.Sprint(v.Value)
	}
	budget := 4*f.Bytes + 64<<20 // a file's tensors may all be views of its whole content
	for i := range f.Tensors {
		t := &f.Tensors[i]
		info := weights.TensorInfo{Name: t.Name, DType: t.DType, Shape: t.Shape, Bytes: t.Len() * t.DType.Size()}
		if budget -= int64(info.Bytes); budget >= 0 {
			data, err := t.Read()
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(data)
			info.SHA256 = hex.EncodeToString(sum[:])
		}
		d.Parameters += t.Len()
		d.Tensors = append(d.Tensors, info)
	}
	return d, nil
}

func fileHash(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
