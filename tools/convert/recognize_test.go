package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inspect knows a file by its bytes, whatever its name, and names what it cannot read.
func TestInspectKnowsFilesByTheirBytes(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	torch := read("../../weights/torch/testdata/views.pt")
	for _, c := range []struct {
		name, path, want string
		status           int
	}{
		{"torch by another name", write("ckpt.tar.old", torch), "PyTorch zip", 0},
		{"pth.tar", write("ckpt.pth.tar", torch), "PyTorch zip", 0},
		{"plain pickle", "../../weights/torch/testdata/plain.pkl", "pickle of PyTorch tensors", 0},
		{"values aside", "../../weights/torch/testdata/aside-bytes.pt", "set aside, and nothing was executed: _codecs.encode", 0},
		{"folder of diffusers", diffusersFolder, "diffusers' UNet2DModel", 0},
		{"model by another name", write("model", read(toyModel(t))), "is missing", 1},
		{"GGUF", write("x.gguf", []byte("GGUF\x03\x00\x00\x00")), "is a GGUF file", 1},
		{"HDF5", write("x.h5", []byte("\x89HDF\r\n\x1a\n")), "is an HDF5 file", 1},
		{"Flax", write("x.msgpack", []byte("\xde\x00\x10\xa6params")), "is a msgpack file", 1},
		{"LFS", write("x.safetensors", []byte("version https://git-lfs.github.com/spec/v1\n")), "is a Git LFS pointer", 1},
		{"tar", write("x.tar", append(make([]byte, 257), "ustar\x0000"...)), "is a tar archive", 1},
		{"commands", "../../weights/torch/testdata/refuse-system.pt", "do not open the file with Python", 1},
	} {
		status, stdout, stderr := call(t, "inspect", c.path)
		if status != c.status || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%s: status %d, %.300q, want %d and %q", c.name, status, stdout+stderr, c.status, c.want)
		}
	}
}

// convert names a network that it does not know, and how it becomes a file that it reads.
func TestConvertAdvice(t *testing.T) {
	status, _, stderr := call(t, "convert", "../../weights/torch/testdata/views.pt", "-o", filepath.Join(t.TempDir(), "m.json"))
	if status != 1 || !strings.Contains(stderr, `torch.onnx.export(model, (x, t), "model.onnx"`) || !strings.Contains(stderr, "docs/importing.md") {
		t.Errorf("status %d, %q, want 1 and how to export the network", status, stderr)
	}
}
