package main

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/tensor"
	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
	"tweedie/weights/npy"
)

// remade writes the weights of a folder of diffusers to another file of it by write, and
// removes the one that was there. It returns the folder.
func remade(t testing.TB, folder, name string, write func(w io.Writer, tensors []lazytensor.Tensor) error) string {
	t.Helper()
	old := filepath.Join(folder, "diffusion_pytorch_model.safetensors")
	f, err := checkpoint.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written(t, filepath.Join(folder, name), func(w io.Writer) error { return write(w, f.Tensors) })
	if err := os.Remove(old); err != nil {
		t.Fatal(err)
	}
	return folder
}

// copied writes a tensor's numbers.
func copied(w io.Writer, x *lazytensor.Tensor) error {
	data, err := x.Read()
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// sharded divides the weights of a folder into four files and an index.
func sharded(t testing.TB, folder string) string {
	t.Helper()
	const usual, files = "diffusion_pytorch_model.safetensors", 4
	index := map[string]string{}
	return remade(t, folder, usual+".index.json", func(w io.Writer, tensors []lazytensor.Tensor) error {
		for i := range files {
			name := fmt.Sprintf("diffusion_pytorch_model-%05d-of-%05d.safetensors", i+1, files)
			part := tensors[i*len(tensors)/files : (i+1)*len(tensors)/files]
			header, at := map[string]any{}, 0
			for _, x := range part {
				end := at + 4*x.Len()
				header[x.Name], index[x.Name] = map[string]any{"dtype": "F32", "shape": x.Shape, "data_offsets": []int{at, end}}, name
				at = end
			}
			text, err := json.Marshal(header)
			if err != nil {
				return err
			}
			written(t, filepath.Join(folder, name), func(w io.Writer) error {
				if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
					return err
				}
				for i := range part {
					if err := copied(w, &part[i]); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return json.NewEncoder(w).Encode(map[string]any{"weight_map": index})
	})
}

// archived writes the weights of a folder as numpy.savez does.
func archived(t testing.TB, folder string) string {
	t.Helper()
	return remade(t, folder, "model.npz", func(w io.Writer, tensors []lazytensor.Tensor) error {
		z := zip.NewWriter(w)
		for i := range tensors {
			x := &tensors[i]
			f, err := z.CreateHeader(&zip.FileHeader{Name: x.Name + ".npy", Method: zip.Store})
			if err == nil {
				_, err = f.Write(npy.HeaderOf("<f4", x.Shape))
			}
			if err == nil {
				err = copied(f, x)
			}
			if err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// pickled writes the weights of a folder as torch.save does, as a zip archive or the older
// way: pickles of protocol 2 (CPython's Lib/pickletools.py has the opcodes).
func pickled(t testing.TB, folder string, zipped bool) string {
	t.Helper()
	return remade(t, folder, "model.pth", func(w io.Writer, tensors []lazytensor.Tensor) error {
		if zipped {
			z := zip.NewWriter(w)
			f, err := z.CreateHeader(&zip.FileHeader{Name: "model/data.pkl", Method: zip.Store})
			if err == nil {
				_, err = f.Write(stateDict(tensors))
			}
			for i := 0; i < len(tensors) && err == nil; i++ {
				if f, err = z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("model/data/%d", i), Method: zip.Store}); err == nil {
					err = copied(f, &tensors[i])
				}
			}
			if err != nil {
				return err
			}
			return z.Close()
		}
		head := []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") // the magic number
		head = append(head, "\x80\x02M\xe9\x03."...)                                // protocol 1001
		head = append(head, "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."...)
		head = append(append(head, stateDict(tensors)...), "\x80\x02]("...)
		for i := range tensors {
			head = text(head, fmt.Sprint(i))
		}
		if _, err := w.Write(append(head, "e."...)); err != nil {
			return err
		}
		for i := range tensors {
			if err := binary.Write(w, binary.LittleEndian, uint64(tensors[i].Len())); err != nil {
				return err
			}
			if err := copied(w, &tensors[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// text adds a string to a pickle.
func text(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(append(b, 'X'), uint32(len(s))), s...)
}

// stateDict returns the pickle of an OrderedDict of tensors, whose storages are numbered.
func stateDict(tensors []lazytensor.Tensor) []byte {
	integer := func(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(append(b, 'J'), uint32(n)) }
	const empty = "ccollections\nOrderedDict\n)R"
	b := append([]byte("\x80\x02"), empty+"("...)
	for i, x := range tensors {
		b = append(text(b, x.Name), "ctorch._utils\n_rebuild_tensor_v2\n(("...)
		b = append(text(b, "storage"), "ctorch\nFloatStorage\n"...)
		b = append(integer(text(text(b, fmt.Sprint(i)), "cpu"), x.Len()), "tQK\x00("...)
		for _, d := range x.Shape {
			b = integer(b, d)
		}
		b = append(b, "t("...)
		for axis := range x.Shape {
			b = integer(b, tensor.Size(x.Shape[axis+1:]))
		}
		b = append(b, "t\x89"+empty+"tR"...)
	}
	return append(b, "u."...)
}

// ownModel turns a folder into a model, beside which nothing stays, and returns its path.
func ownModel(t testing.TB, folder string) string {
	t.Helper()
	out := filepath.Join(aside(t), "own.json")
	must(t, "convert", folder, "-o", out, "--no-measure")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	return out
}

// colours writes a folder of a few pictures of 8×8 and returns it.
func colours(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	for i := range 4 {
		m := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for p := range 64 {
			m.Set(p%8, p/8, color.RGBA{uint8(4 * p), uint8(50 * i), uint8(255 - 4*p), 255})
		}
		written(t, filepath.Join(folder, fmt.Sprintf("%d.png", i)), func(w io.Writer) error { return png.Encode(w, m) })
	}
	return folder
}

// TestLargeKinds: the checkpoints that are measured hold one and the same model.
func TestLargeKinds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const size = 4 << 20
	dir := t.TempDir()
	want := ""
	for name, path := range map[string]string{
		"safetensors": largeFolder(t, size), "sharded": sharded(t, largeFolder(t, size)), "npz": archived(t, largeFolder(t, size)),
		"torch-zip": pickled(t, largeFolder(t, size), true), "torch-legacy": pickled(t, largeFolder(t, size), false),
		"own": ownModel(t, largeFolder(t, size)),
	} {
		out := filepath.Join(dir, name+".json")
		must(t, "convert", path, "-o", out, "--name", "large", "--no-measure")
		f, err := weights.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range f.Manifest.Shards {
			got += s.SHA256
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: shards are %s, want %s", name, got, want)
		}
	}
}
