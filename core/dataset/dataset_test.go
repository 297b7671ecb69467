package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/picture"
	"tweedie/core/picturefile"
)

// idx returns an idx file of the given axes with the data 0, 1, 2, …
func idx(axes ...int) []byte {
	b := []byte{0, 0, 8, byte(len(axes))}
	n := 1
	for _, a := range axes {
		b = binary.BigEndian.AppendUint32(b, uint32(a))
		n *= a
	}
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

func zipped(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fill returns a picture of one colour.
func fill(h, w int, c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree writes files, path → content, to a new folder.
func tree(t *testing.T, files map[string][]byte) string {
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestIDXFolder(t *testing.T) {
	dir := tree(t, map[string][]byte{
		"train-images-idx3-ubyte":   idx(4, 2, 3),
		"train-labels-idx1-ubyte":   idx(4),
		"t10k-images.idx3-ubyte.gz": zipped(t, idx(2, 2, 3)),
		"t10k-labels.idx1-ubyte.gz": zipped(t, idx(2)),
	})
	for _, c := range []struct {
		split   Split
		n       int
		classes []string
	}{
		{Train, 4, []string{"0", "1", "2", "3"}},
		{Test, 2, []string{"0", "1"}},
	} {
		d, err := Load(dir, Options{Split: c.split})
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != c.n || d.H != 2 || d.W != 3 || d.C != 1 {
			t.Errorf("%s: got %d pictures of %dx%dx%d, want %d of 2x3x1", c.split, d.Len(), d.H, d.W, d.C, c.n)
		}
		if !slices.Equal(d.Classes, c.classes) || len(d.Labels) != c.n || d.Labels[1] != 1 {
			t.Errorf("%s: classes %v, labels %v", c.split, d.Classes, d.Labels)
		}
		if got := d.Image(1); got[0] != 6 || len(got) != 6 {
			t.Errorf("%s: image 1 is %v, want 6 … 11", c.split, got)
		}
	}
}

func TestIDXFileAlone(t *testing.T) {
	dir := tree(t, map[string][]byte{
		"some-images-idx3-ubyte": idx(4, 2, 3),
		"some-labels-idx1-ubyte": idx(4),
		"classes.txt":            []byte("a\nb\nc\nd\n"),
		"rgb.idx":                idx(2, 3, 4, 3),
	})
	d, err := Open(filepath.Join(dir, "some-images-idx3-ubyte"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(d.Classes, want) {
		t.Errorf("classes %v, want %v", d.Classes, want)
	}
	d, err = Open(filepath.Join(dir, "rgb.idx"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || d.C != 3 || d.Labels != nil || d.Classes != nil {
		t.Errorf("got %d pictures, C %d, labels %v, classes %v", d.Len(), d.C, d.Labels, d.Classes)
	}
}

func TestFolderOfClasses(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(gray.Pix, []byte{1, 2, 3, 4, 5, 6})
	dir := tree(t, map[string][]byte{
		"10/b.png":      pngOf(t, gray),
		"9/deep/a.png":  pngOf(t, gray),
		"9/z.PNG":       pngOf(t, gray),
		".hidden/x.png": []byte("not read"),
		"9/notes.txt":   []byte("not read"),
	})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"9", "10"}; !slices.Equal(d.Classes, want) {
		t.Errorf("classes %v, want %v", d.Classes, want)
	}
	if want := []int{0, 0, 1}; !slices.Equal(d.Labels, want) {
		t.Errorf("labels %v, want %v", d.Labels, want)
	}
	if d.H != 2 || d.W != 3 || d.C != 1 || !slices.Equal(d.Image(2), gray.Pix) {
		t.Errorf("%dx%dx%d: %v, want 2x3x1: %v", d.H, d.W, d.C, d.Image(2), gray.Pix)
	}
}

func TestFolderWithoutClasses(t *testing.T) {
	dir := tree(t, map[string][]byte{
		"a.png":  pngOf(t, fill(4, 8, color.RGBA{200, 100, 50, 255})),
		"b.jpeg": jpegOf(t, fill(6, 6, color.Gray{77})),
	})
	d, err := Load(dir, Options{H: 2, W: 2})
	if err != nil {
		t.Fatal(err)
	}
	if d.Labels != nil || len(d.Classes) != 0 || d.C != 3 || d.Len() != 2 {
		t.Errorf("labels %v, classes %v, C %d, %d pictures", d.Labels, d.Classes, d.C, d.Len())
	}
	if want := bytes.Repeat([]byte{200, 100, 50}, 4); !bytes.Equal(d.Image(0), want) {
		t.Errorf("got %v, want %v", d.Image(0), want)
	}
	d, err = Load(dir, Options{H: 2, W: 2, C: 1})
	if err != nil {
		t.Fatal(err)
	}
	// ITU-R 601: 0.299·200 + 0.587·100 + 0.114·50 = 124.2
	if got := d.Image(0)[0]; got != 124 {
		t.Errorf("luma is %d, want 124", got)
	}
}

func TestTransparentShowsBackground(t *testing.T) {
	dir := tree(t, map[string][]byte{"a.png": pngOf(t, image.NewNRGBA(image.Rect(0, 0, 4, 4)))})
	for _, size := range []int{4, 2} { // as it is, and resized
		d, err := Load(dir, Options{H: size, W: size, C: 3, Background: 250})
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Repeat([]byte{250}, size*size*3); !bytes.Equal(d.Images, want) {
			t.Errorf("size %d: got %v, want 250 everywhere", size, d.Images)
		}
	}
}

func TestSplitFolders(t *testing.T) {
	one := pngOf(t, fill(2, 2, color.White))
	dir := tree(t, map[string][]byte{"train/x/a.png": one, "train/y/b.png": one, "test/x/c.png": one})
	for split, want := range map[Split]int{Train: 2, Test: 1} {
		d, err := Load(dir, Options{Split: split})
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != want {
			t.Errorf("%s: %d pictures, want %d", split, d.Len(), want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	small, large := pngOf(t, fill(2, 2, color.White)), pngOf(t, fill(3, 3, color.White))
	for _, c := range []struct {
		name  string
		files map[string][]byte
		open  string
		o     Options
		want  string
	}{
		{"missing", nil, "nothing", Options{}, "no such file"},
		{"empty", nil, "", Options{}, "contains neither idx files"},
		{"two sizes", map[string][]byte{"a.png": small, "b.png": large}, "", Options{}, "--size 16"},
		{"mixed", map[string][]byte{"a.png": small, "x/b.png": small}, "", Options{}, "1 outside any"},
		{"not a picture", map[string][]byte{"a.png": []byte("hello")}, "", Options{}, "a.png\": not a readable"},
		{"truncated picture", map[string][]byte{"a.png": small[:len(small)-20]}, "", Options{}, "a.png\": not a readable"},
		{"no test split", map[string][]byte{"a.png": small}, "", Options{Split: Test}, "there is no test split"},
		{"no test idx", map[string][]byte{"train-images-idx3-ubyte": idx(1, 2, 2)}, "", Options{Split: Test}, "not the test split, t10k-images-idx3-ubyte"},
		{"text", map[string][]byte{"a": []byte("hello")}, "a", Options{}, "must start with 00 00 08 and 01 to 04 (got 68 65 6c 6c)"},
		{"short idx", map[string][]byte{"a": idx(2, 2, 2)[:20]}, "a", Options{}, "take 8 bytes (got 4)"},
		{"long idx", map[string][]byte{"a": append(idx(2, 2, 2), 1, 2)}, "a", Options{}, "take 8 bytes (got 9 or more)"},
		{"huge idx", map[string][]byte{"a": {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}}, "a", Options{}, "must have at most 8589934592 bytes in total (axis 1 is 4294967295)"},
		{"no pictures", map[string][]byte{"a": idx(0, 2, 2)}, "a", Options{}, "must contain at least one picture"},
		{"axes", map[string][]byte{"a": idx(3)}, "a", Options{}, "must be [N,H,W]"},
		{"label count", map[string][]byte{"train-images-idx3-ubyte": idx(2, 2, 2), "train-labels-idx1-ubyte": idx(3)}, "", Options{}, "axes must be [2], one label per picture (got [3])"},
		{"label name", map[string][]byte{"train-images-idx3-ubyte": idx(2, 2, 2), "train-labels-idx1-ubyte": idx(2), "classes.txt": []byte("a")}, "", Options{}, "contains label 1, but"},
		{"idx size", map[string][]byte{"a": idx(1, 2, 2)}, "a", Options{H: 4, W: 4}, "pictures are 2x2x1, got the size 4x4x0"},
		{"half a size", nil, "", Options{H: 4}, "size must be in [1, 16384] (got 4x0)"},
		{"channels", nil, "", Options{C: 2}, "channels must be 1, 3 or 4 (got 2)"},
		{"split", nil, "", Options{Split: "valid"}, `split must be "train" or "test" (got "valid")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(filepath.Join(tree(t, c.files), c.open), c.o)
			if err == nil || !strings.HasPrefix(err.Error(), "dataset: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idx(2, 3, 4))
	f.Add(idx(5))
	f.Add([]byte{0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		dims, pixels, err := readIDX(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		n := 1
		for _, d := range dims {
			n *= d
		}
		if len(pixels) != n || len(pixels) > len(data) {
			t.Errorf("axes %v came with %d bytes from %d", dims, len(pixels), len(data))
		}
	})
}

func FuzzPicture(f *testing.F) {
	img := fill(5, 7, color.RGBA{10, 20, 30, 255})
	f.Add(pngOf(f, img))
	f.Add(jpegOf(f, img))
	f.Add(pngOf(f, image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.Black, color.Transparent})))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := picturefile.ReadHeader(bytes.NewReader(data))
		if err != nil || h.H*h.W > 1<<16 {
			return
		}
		img, err := picturefile.DecodeBytes(data)
		if err != nil {
			return
		}
		for _, shape := range [][3]int{{3, 4, 6}, {1, h.H, h.W}} {
			if _, err := picture.FitImage(img, shape, picture.Options{}); err != nil {
				t.Errorf("%v: %v", shape, err)
			}
		}
	})
}
