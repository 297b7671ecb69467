package importer

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/infer"
	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/weights/npy"
)

// testdata/diffusers holds folders as diffusers saves them, with outputs of its own classes;
// the README there says of which version.
const golden = "testdata/diffusers"

// readArray reads an npy file of a folder as float32, in the order of its file.
func readArray(t *testing.T, folder, name string) ([]float32, []int) {
	t.Helper()
	a, err := npy.Read(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return a.Float32(), a.Shape
}

// pixelsLast returns images [N,C,H,W] as [N,H,W,C].
func pixelsLast(v []float32, shape []int) *tensor.Tensor {
	n, c, h, w := shape[0], shape[1], shape[2], shape[3]
	out := tensor.New(n, h, w, c)
	for i := range n {
		for k := range c {
			for p := range h * w {
				out.Data[(i*h*w+p)*c+k] = v[(i*c+k)*h*w+p]
			}
		}
	}
	return out
}

// Folders of current diffusers are read by themselves, and their networks compute what
// diffusers' own classes do, on images that are not square.
func TestDiffusersOwnOutputs(t *testing.T) {
	folders, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		t.Run(f.Name(), func(t *testing.T) {
			folder := filepath.Join(golden, f.Name())
			v, shape := readArray(t, folder, "x.npy")
			ck, err := Read(folder, Options{Hints: Hints{Size: unet.Size{H: shape[2], W: shape[3]}}})
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			x := pixelsLast(v, shape)
			times, _ := readArray(t, folder, "t.npy")
			var classes []int
			if _, err := os.Stat(filepath.Join(folder, "y.npy")); err == nil {
				y, _ := readArray(t, folder, "y.npy")
				for _, class := range y {
					classes = append(classes, int(class))
				}
			}
			r, err := ck.Model.NewRunner(shape[0], infer.Options{Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Forward(x, times, classes)
			if err != nil {
				t.Fatal(err)
			}
			want := pixelsLast(readArray(t, folder, "out.npy"))
			difference, largest := 0.0, 0.0
			for i, w := range want.Data {
				difference = max(difference, math.Abs(float64(got.Data[i])-float64(w)))
				largest = max(largest, math.Abs(float64(w)))
			}
			if !(difference <= tolerance*largest) {
				t.Errorf("the largest difference is %.2g of the largest output, want at most %g", difference/largest, tolerance)
			}
			t.Logf("%.2g of the largest output", difference/largest)
		})
	}
}
