package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// webP is a lossless WebP picture of one pixel (RFC 9649, section 3).
const webP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

// zipOf returns the path of a zip archive of files.
func zipOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pictures.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// animated returns a GIF whose first frame is gray of one level and whose second is white.
func animated(t *testing.T, level uint8) []byte {
	t.Helper()
	var g gif.GIF
	for _, v := range []uint8{level, 255} {
		frame := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Gray{v}})
		g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bmpOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures of every format are read, of an animation the first frame.
func TestFormats(t *testing.T) {
	webp, err := base64.StdEncoding.DecodeString(webP)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Load(tree(t, map[string][]byte{
		"a.PNG": pngOf(t, fill(2, 2, color.Gray{10})), "b.gif": animated(t, 20), "c.bmp": bmpOf(t, fill(2, 2, color.Gray{30})), "d.webp": webp,
		"notes.txt": []byte("x"), ".hidden.png": []byte("x"),
	}), Options{H: 2, W: 2, C: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint8{10, 20, 30} {
		if got := d.Image(i)[0]; got != want {
			t.Errorf("picture %d: got level %d, want %d", i, got, want)
		}
	}
	f := d.Found
	if f.Formats["png"] != 1 || f.Formats["gif"] != 1 || f.Formats["bmp"] != 1 || f.Formats["webp"] != 1 || f.Low != [2]int{1, 1} || f.High != [2]int{2, 2} || f.Hidden != 1 || !slices.Equal(f.Other, []string{"notes.txt"}) {
		t.Errorf("found %+v", f)
	}
}

// An archive is read as the folder that was packed, in the same order, wherever its root is.
func TestZip(t *testing.T) {
	files := map[string][]byte{}
	for i, name := range []string{"b/2.png", "b/10.png", "a/x.png", "a.b/y.png", "a/deep/z.png"} {
		files[name] = pngOf(t, fill(2, 2, color.Gray{uint8(10 + i)}))
	}
	want, err := Load(tree(t, files), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"", "photos/", "my/photos/"} {
		packed := map[string][]byte{"__MACOSX/photos/a/._x.png": []byte("x"), root + ".DS_Store": []byte("x")}
		for name, data := range files {
			packed[root+name] = data
		}
		got, err := Load(zipOf(t, packed), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Images, want.Images) || !slices.Equal(got.Labels, want.Labels) || !slices.Equal(got.Classes, want.Classes) {
			t.Errorf("root %q: got classes %q of %v, want %q of %v", root, got.Classes, got.Labels, want.Classes, want.Labels)
		}
	}
	split := zipOf(t, map[string][]byte{"d/train/a/1.png": files["b/2.png"], "d/test/a/1.png": files["b/10.png"]})
	for part, level := range map[Split]uint8{Train: 10, Test: 11} {
		if d, err := Load(split, Options{Split: part}); err != nil || d.Len() != 1 || d.Images[0] != level {
			t.Errorf("split %s: got %v, %v", part, d, err)
		}
	}
	flat := zipOf(t, map[string][]byte{"photos/1.png": files["b/2.png"], "photos/2.png": files["b/10.png"]})
	if d, err := Load(flat, Options{}); err != nil || d.Classes != nil || d.Len() != 2 {
		t.Errorf("pictures in one folder: got %v, %v, want two without classes", d, err)
	}
	if _, err := Load(flat, Options{Split: Test}); err == nil || !strings.Contains(err.Error(), "no test split") {
		t.Errorf("no test split: got error %v", err)
	}
	broken := zipOf(t, nil)
	if err := os.WriteFile(broken, []byte("PK\x03\x04 and so on"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(broken, Options{}); err == nil || !strings.Contains(err.Error(), "not a readable zip archive") {
		t.Errorf("a broken archive: got error %v", err)
	}
}

// Lists of captions and of metadata are classes, if these repeat.
func TestCaptions(t *testing.T) {
	pictures := map[string]uint8{"x/1.png": 10, "x/2.png": 20, "y/3.png": 30}
	for name, c := range map[string]struct {
		file, text string
		want       []string // class of each level
		err        string
	}{
		"captions":     {captionsFile, "\ufefffile\tcaption\nx/1.png\ta red hat\nx/2.png, blue, small\r\ny/3.png\ta red hat\n", []string{"a red hat", "blue, small", "a red hat"}, ""},
		"text":         {metadataFile, "{\"file_name\": \"x/1.png\", \"text\": \"b\"}\n\n{\"file_name\": \"x/2.png\", \"text\": \"a\", \"width\": 3}\n{\"file_name\": \"y/3.png\", \"text\": \"b\"}", []string{"b", "a", "b"}, ""},
		"label":        {metadataFile, "{\"file_name\": \"x/1.png\", \"label\": 2}\n{\"file_name\": \"x/2.png\", \"label\": 1}\n{\"file_name\": \"y/3.png\", \"label\": \"1\", \"text\": \"b\"}", []string{"2", "1", "1"}, ""},
		"missing":      {captionsFile, "x/1.png\ta\nx/2.png\tb\n", nil, `there is no label for the picture "y/3.png"`},
		"no caption":   {captionsFile, "x/1.png\ta\nx/2.png\n", nil, "line 2 must be the path of a picture"},
		"no object":    {metadataFile, "[1]", nil, "line 1 must be a JSON object"},
		"label of 1.5": {metadataFile, `{"file_name": "x/1.png", "label": 1.5}`, nil, "label must be a string or a whole number"},
	} {
		files := map[string][]byte{c.file: []byte(c.text)}
		for path, level := range pictures {
			files[path] = pngOf(t, fill(2, 2, color.Gray{level}))
		}
		d, err := Load(tree(t, files), Options{})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got error %v, want %q", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, l := range d.Labels {
			if want := c.want[d.Image(i)[0]/10-1]; d.Classes[l] != want {
				t.Errorf("%s: the picture of level %d has class %q, want %q", name, d.Image(i)[0], d.Classes[l], want)
			}
		}
		if d.Found.Listing != c.file || len(d.Found.Other) != 0 {
			t.Errorf("%s: found %+v", name, d.Found)
		}
	}
	files := map[string][]byte{}
	var text strings.Builder
	for i := range 12 {
		name := string(rune('a'+i)) + ".png"
		files[name] = pngOf(t, fill(2, 2, color.Gray{uint8(i)}))
		text.WriteString(name + "\tcaption " + name + "\n")
	}
	files[captionsFile] = []byte(text.String())
	if _, err := Load(tree(t, files), Options{}); err == nil || !strings.Contains(err.Error(), "12 different captions") || !strings.Contains(err.Error(), "--labels none") {
		t.Errorf("captions that do not repeat: got error %v", err)
	}
}

// With four channels alpha is kept, and what is under fully transparent pixels is black.
func TestAlphaChannel(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	copy(img.Pix, []uint8{200, 100, 50, 128, 9, 8, 7, 0})
	d, err := Load(tree(t, map[string][]byte{"a.png": pngOf(t, img)}), Options{C: 4})
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{200, 100, 50, 128, 0, 0, 0, 0}; !bytes.Equal(d.Images, want) || d.Found.Transparent != 1 {
		t.Errorf("got %v, %d transparent; want %v, 1", d.Images, d.Found.Transparent, want)
	}
}

// Without labels, pictures in and outside of sub-folders are one set.
func TestNoLabels(t *testing.T) {
	dir := shades(t, map[string]uint8{"1.png": 10, "x/2.png": 20, "y/3.png": 30}, "")
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "--labels none") {
		t.Errorf("pictures outside of sub-folders: got error %v", err)
	}
	if d, err := Load(dir, Options{Labels: NoLabels}); err != nil || d.Len() != 3 || d.Classes != nil || d.Labels != nil {
		t.Errorf("no labels: got %v, %v", d, err)
	}
}

// Unreadable pictures are skipped as far as that is allowed, whether their header or their
// pixels are broken.
func TestSkipBad(t *testing.T) {
	whole := pngOf(t, fill(2, 2, color.Gray{7}))
	dir := tree(t, map[string][]byte{"a/1.png": []byte("hello"), "a/2.png": whole, "b/3.png": whole[:len(whole)-20], "b/4.png": whole})
	for _, bad := range []int{0, 1} {
		if _, err := Load(dir, Options{SkipBad: bad}); err == nil || !strings.Contains(err.Error(), "--skip-bad") {
			t.Errorf("skip %d: got error %v, want one that names --skip-bad", bad, err)
		}
	}
	d, err := Load(dir, Options{SkipBad: 2})
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || !slices.Equal(d.Labels, []int{0, 1}) || d.Images[0] != 7 || d.Images[4] != 7 || d.Found.Repeated != 1 {
		t.Errorf("got %d pictures with labels %v: %v", d.Len(), d.Labels, d.Images)
	}
	if s := d.Found.Skipped; len(s) != 2 || !strings.Contains(s[0], "1.png") || !strings.Contains(s[1], "3.png") {
		t.Errorf("skipped: %q", s)
	}
}

// Nearest neighbours keep the colours of pixel art.
func TestNearest(t *testing.T) {
	art := image.NewGray(image.Rect(0, 0, 6, 4))
	for i := range art.Pix {
		art.Pix[i] = uint8(i%6/2*100 + i/6/2*10) // 3×2 pixels of 2×2
	}
	dir := tree(t, map[string][]byte{"a.png": pngOf(t, art)})
	for _, c := range []struct {
		h, w int
		want []uint8
	}{
		{2, 3, []uint8{0, 100, 200, 10, 110, 210}},
		{2, 2, []uint8{100, 200, 110, 210}}, // of columns 1 to 4, in whose second and fourth the centres are
		{4, 2, []uint8{100, 100, 100, 100, 110, 110, 110, 110}},
	} {
		d, err := Load(dir, Options{H: c.h, W: c.w, Fit: Nearest})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.Images, c.want) {
			t.Errorf("%dx%d: got %v, want %v", c.h, c.w, d.Images, c.want)
		}
	}
	if err := (Options{Fit: "stretch"}).Validate(); err == nil || !strings.Contains(err.Error(), "fit must be") {
		t.Errorf("fit stretch: got error %v", err)
	}
}

func TestLeftovers(t *testing.T) {
	names := []string{"cats", "New Folder", "New folder (2)", "dogs - Copy", "dogs copy", "Copy of dogs", "cats (1)", "tmp", "copyright", "older", "caches of gold", "old"}
	want := []string{"New Folder", "New folder (2)", "dogs - Copy", "dogs copy", "Copy of dogs", "cats (1)", "tmp"}
	if got := Leftovers(names); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The size that is proposed for pictures of several sizes is one that half of them have.
func TestUsualSize(t *testing.T) {
	for want, sides := range map[int][]int{16: {6, 300, 14}, 32: {32, 40, 300}, 64: {14, 70, 300}} {
		var entries []entry
		for _, side := range sides {
			e := entry{}
			e.dims.H, e.dims.W = side, 2*side
			entries = append(entries, e)
		}
		if got := usualSize(entries); got != want {
			t.Errorf("sides %v: got %d, want %d", sides, got, want)
		}
	}
}
