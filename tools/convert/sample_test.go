package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/model"
	fitting "tweedie/core/picture"
	"tweedie/weights/npy"
)

// answer is what sample and inpaint print with --json.
type answer struct {
	SHA256  string
	Shape   [4]int
	Class   []int
	Request engine.Plan
}

func sample(t *testing.T, args ...string) (answer, []uint8) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npy")
	text := must(t, append([]string{"sample", toyModel(t), "--json", "--npy", path}, args...)...)
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	array, err := npy.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	pixels := array.Data.([]uint8)
	if !reflect.DeepEqual(array.Shape, a.Shape[:]) || engine.Digest(pixels) != a.SHA256 {
		t.Errorf("npy %v of SHA-256 %s, want %v, %s", array.Shape, engine.Digest(pixels), a.Shape, a.SHA256)
	}
	return a, pixels
}

func TestSampleDoesNotDependOnTheBatch(t *testing.T) {
	all, pixels := sample(t, "-n", "9", "--seed", "7", "--steps", "4")
	if all.Shape != [4]int{9, 8, 8, 1} || !reflect.DeepEqual(all.Class, []int{0, 1, 2, 3, 0, 1, 2, 3, 0}) {
		t.Errorf("shape %v, classes %v", all.Shape, all.Class)
	}
	_, one := sample(t, "-n", "1", "--seed", "7", "--steps", "4")
	if !bytes.Equal(one, pixels[:64]) {
		t.Error("the first of 9 images is another than the only one")
	}
	for _, args := range [][]string{{"--workers", "1"}, {"--workers", "3"}} {
		if again, _ := sample(t, append(args, "-n", "9", "--seed", "7", "--steps", "4")...); again.SHA256 != all.SHA256 {
			t.Errorf("%v: SHA-256 %s, want %s", args, again.SHA256, all.SHA256)
		}
	}
	if other, _ := sample(t, "-n", "9", "--seed", "8", "--steps", "4"); other.SHA256 == all.SHA256 {
		t.Error("two seeds give the same images")
	}
}

func TestSampleDealsOutClasses(t *testing.T) {
	a, _ := sample(t, "-n", "5", "--class", "3, 1,none", "--steps", "2", "--guidance", "1.5", "--sampler", "euler")
	if !reflect.DeepEqual(a.Class, []int{3, 1, -1, 3, 1}) { // -1 is none
		t.Errorf("classes %v, want [3 1 -1 3 1]", a.Class)
	}
	if a.Request.Sampler != "euler" || *a.Request.Steps != 2 || *a.Request.Guidance != 1.5 {
		t.Errorf("request %+v", a.Request)
	}
}

func TestSampleSheet(t *testing.T) {
	dir := t.TempDir()
	sheet := filepath.Join(dir, "sheet.png")
	_, pixels := sample(t, "-n", "8", "--steps", "2", "-o", sheet)
	img := readPNG(t, sheet)
	gray, ok := img.(*image.Gray)
	if !ok || gray.Bounds() != image.Rect(0, 0, 4*10-2, 2*10-2) { // a column for each of four classes
		t.Fatalf("sheet is a %T of %v", img, img.Bounds())
	}
	for y := range 8 {
		for x := range 8 {
			if got, want := gray.GrayAt(10+x, 10+y).Y, pixels[5*64+8*y+x]; got != want { // image 5 stands in row 1, column 1
				t.Fatalf("pixel %d,%d of image 5 is %d, want %d", x, y, got, want)
			}
		}
	}
	plain := must(t, "sample", toyModel(t), "-n", "8", "--steps", "2")
	if strings.TrimSpace(plain) != engine.Digest(pixels) {
		t.Errorf("printed %q, want the SHA-256 %s", plain, engine.Digest(pixels))
	}
}

// smallOf returns the configuration small for so many channels.
func smallOf(t testing.TB, channels int) *model.Config {
	c, err := model.ParseConfig([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	c.Shape[0], c.UNet.InChannels, c.UNet.OutChannels = channels, channels, channels
	return c
}

// TestChannels: models of any number of channels are sampled and inpainted, or refused.
func TestChannels(t *testing.T) {
	img := picture(t, 12, 9, func(x, y int) uint8 { return uint8(20 * x) })
	for channels := 1; channels <= 5; channels++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "model.json")
		writeModel(t, path, smallOf(t, channels))
		x := filepath.Join(dir, "x.npy")
		if got := must(t, "sample", path, "--npy", x, "--steps", "2"); len(got) != 65 {
			t.Errorf("%d channels: %q", channels, got)
		}
		os.Remove(x)
		paintable := channels != 2 && channels != 5
		status, out, stderr := call(t, "sample", path, "-o", filepath.Join(dir, "x.png"), "--npy", x, "--steps", "2")
		_, err := os.Stat(x)
		if refused := fmt.Sprintf("a PNG holds images of 1, 3 or 4 channels, the model's have %d", channels); paintable != (status == 0) || !paintable && (out != "" || !strings.Contains(stderr, refused) || err == nil) {
			t.Errorf("%d channels: status %d, %q, %q, x.npy: %v", channels, status, out, stderr, err)
		}
		status, _, stderr = call(t, "inpaint", path, "--image", img, "--mask", img, "--npy", x, "--steps", "2")
		if paintable != (status == 0) || !paintable && !strings.Contains(stderr, "must have 1 (grey), 3 (RGB) or 4 (RGBA) channels") {
			t.Errorf("inpaint, %d channels: status %d, %q", channels, status, stderr)
		}
	}
}

func TestInpaintKeepsWhatIsNotMasked(t *testing.T) {
	img := picture(t, 8, 8, func(x, y int) uint8 { return uint8(8*y + x) })
	mask := picture(t, 8, 8, func(x, y int) uint8 { return uint8(255 * (x / 4)) })
	out := filepath.Join(t.TempDir(), "x.npy")
	must(t, "inpaint", toyModel(t), "--image", img, "--mask", mask, "-n", "3", "--steps", "4", "--resample", "2", "--jump", "2", "--npy", out)
	a, err := npy.Read(out)
	if err != nil || !reflect.DeepEqual(a.Shape, []int{3, 8, 8, 1}) {
		t.Fatalf("got %v, %v", a, err)
	}
	for i, v := range a.Data.([]uint8) {
		if x, y := i%8, i%64/8; x < 4 && v != uint8(8*y+x) {
			t.Fatalf("pixel %d,%d of image %d is %d, want the picture's %d", x, y, i/64, v, 8*y+x)
		}
	}
}

// Pictures of other sizes are fitted as package picture does it, which the page does too.
func TestInpaintFits(t *testing.T) {
	wide := picture(t, 20, 10, func(x, y int) uint8 { return uint8(12 * x) })
	mask := picture(t, 16, 16, func(x, y int) uint8 { return uint8(255 * (x / 8)) }) // keeps the left half
	img, err := dataset.ReadPicture(wide)
	if err != nil {
		t.Fatal(err)
	}
	for _, fit := range []string{"crop", "pad"} {
		for _, invert := range []string{"no", "yes"} {
			out := filepath.Join(t.TempDir(), "x.npy")
			status, _, stderr := call(t, "inpaint", toyModel(t), "--image", wide, "--mask", mask, "--steps", "2", "--fit", fit, "--invert", invert, "--npy", out)
			if status != 0 || !strings.Contains(stderr, "the image is 20x10 (width x height) and the model 8x8: it is resized with --fit "+fit) {
				t.Fatalf("status %d, %q", status, stderr)
			}
			got, err := npy.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			want, err := fitting.FitImage(img, [3]int{1, 8, 8}, fitting.Options{Fit: fit, Invert: invert})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got.Data.([]uint8) {
				if i%8 < 4 && v != want.Pix[i] {
					t.Fatalf("%s, %s: pixel %d is %d, want %d", fit, invert, i, v, want.Pix[i])
				}
			}
		}
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--fit", "stretch"}, 2, `fit must be "crop" or "pad" (got "stretch")`},
		{[]string{"--background", "mauve"}, 2, "background must be"},
		{[]string{"--mask", toyModel(t)}, 1, "not a readable PNG, JPEG, GIF, WebP or BMP picture"},
		{[]string{"--mask", "missing.png"}, 1, "missing.png"},
	} {
		status, _, stderr := call(t, append([]string{"inpaint", toyModel(t), "--image", wide, "--mask", mask}, c.args...)...)
		if status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, %q, want %d and %q", c.args, status, stderr, c.status, c.want)
		}
	}
}

func TestForward(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, shape []int, data any) string {
		path := filepath.Join(dir, name)
		if err := npy.Write(path, &npy.Array{Shape: shape, Data: data}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	x := make([]float32, 2*64)
	for i := range x {
		x[i] = float32(i)/64 - 1
	}
	xPath, tPath, yPath := write("x.npy", []int{2, 1, 8, 8}, x), write("t.npy", []int{2}, []float32{1, 2}), write("y.npy", []int{2}, []int64{0, 3})
	out := filepath.Join(dir, "out.npy")
	must(t, "forward", toyModel(t), "--x", xPath, "--t", tPath, "--y", yPath, "-o", out)
	a, err := npy.Read(out)
	if err != nil || !reflect.DeepEqual(a.Shape, []int{2, 1, 8, 8}) {
		t.Fatalf("got %v, %v", a, err)
	}
	for _, c := range []struct{ name, x, t, y, want string }{
		{"x shape", write("x3.npy", []int{2, 8, 8}, x), tPath, yPath, "the shape must be [N,C,H,W] with at least one image (got [2 8 8])"},
		{"x type", write("x8.npy", []int{2, 1, 8, 8}, make([]float64, 128)), tPath, yPath, "elements must be float32 (got []float64)"},
		{"t count", xPath, write("t3.npy", []int{3}, make([]float32, 3)), yPath, "the shape must be [2], one number for each image of x (got [3])"},
		{"y range", xPath, tPath, write("y9.npy", []int{2}, []int64{0, 9}), "y[1] must be a class from 0 to 4 (got 9)"},
		{"y missing", xPath, tPath, "", "one class per image"},
		{"not npy", xPath, toyModel(t), yPath, "not a usable .npy file"},
	} {
		args := []string{"forward", toyModel(t), "--x", c.x, "--t", c.t, "-o", out}
		if c.y != "" {
			args = append(args, "--y", c.y)
		}
		if status, _, stderr := call(t, args...); status != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %q, want 1 and %q", c.name, status, stderr, c.want)
		}
	}
}

// Images of another size than the model's are drawn where the network allows the size.
func TestSampleSize(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.npy")
	must(t, "sample", toyModel(t), "--size", "16x12", "--steps", "2", "-n", "3", "--npy", out)
	a, err := npy.Read(out)
	if err != nil || !slices.Equal(a.Shape, []int{3, 16, 12, 1}) {
		t.Errorf("got shape %v, %v, want [3 16 12 1]", a.Shape, err)
	}
	for size, want := range map[string]string{"0": "--size must be one number such as 32", "8x": "--size must be", "9x8": "--size must be a height and a width that are multiples of 2"} {
		if status, _, stderr := call(t, "sample", toyModel(t), "--size", size); status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("--size %s: status %d and %q, want an error with %q", size, status, stderr, want)
		}
	}
}
