package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise returns a picture of random bytes, opaque or not.
func noise(width, height int, opaque bool) RGBA {
	r := rand.New(rand.NewPCG(1, uint64(width*height)))
	p := RGBA{width, height, make([]uint8, 4*width*height)}
	for i := range p.Pix {
		p.Pix[i] = uint8(r.Uint32())
		if opaque && i%4 == 3 {
			p.Pix[i] = 255
		}
	}
	return p
}

// plain returns a picture of one colour.
func plain(width, height int, colour ...uint8) RGBA {
	return RGBA{width, height, bytes.Repeat(colour, width*height)}
}

// grey returns an opaque picture of the given levels, row by row.
func grey(width int, levels ...uint8) RGBA {
	p := RGBA{Width: width, Height: len(levels) / width}
	for _, v := range levels {
		p.Pix = append(p.Pix, v, v, v, 255)
	}
	return p
}

func fitted(t *testing.T, p RGBA, shape [3]int, o Options) []uint8 {
	t.Helper()
	f, err := Fit(p, shape, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := shape[0] * shape[1] * shape[2]; len(f.Pix) != want {
		t.Fatalf("got %d bytes, want %d", len(f.Pix), want)
	}
	return f.Pix
}

func TestFitKeepsBytesOfTheModelsSize(t *testing.T) {
	for _, fit := range []string{"", Crop, Pad} {
		rgba := noise(5, 4, false)
		if got := fitted(t, rgba, [3]int{4, 4, 5}, Options{Fit: fit}); !bytes.Equal(got, rgba.Pix) {
			t.Errorf("%q: RGBA changed", fit)
		}
		rgb := noise(5, 4, true)
		got := fitted(t, rgb, [3]int{3, 4, 5}, Options{Fit: fit})
		for i := range 20 {
			if !bytes.Equal(got[3*i:3*i+3], rgb.Pix[4*i:4*i+3]) {
				t.Errorf("%q: RGB pixel %d is %v, want %v", fit, i, got[3*i:3*i+3], rgb.Pix[4*i:4*i+3])
			}
		}
		levels := make([]uint8, 256)
		for i := range levels {
			levels[i] = uint8(i)
		}
		if got := fitted(t, grey(16, levels...), [3]int{1, 16, 16}, Options{Fit: fit}); !bytes.Equal(got, levels) {
			t.Errorf("%q: grey changed", fit)
		}
	}
}

func TestFitOnePixel(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     RGBA
		shape [3]int
		o     Options
		want  []uint8
	}{
		{"luma", plain(1, 1, 200, 100, 50, 255), [3]int{1, 1, 1}, Options{}, []uint8{124}}, // 0.299·200 + 0.587·100 + 0.114·50 = 124.2
		{"white by default", plain(1, 1, 9, 9, 9, 0), [3]int{3, 1, 1}, Options{}, []uint8{255, 255, 255}},
		{"black", plain(1, 1, 9, 9, 9, 0), [3]int{3, 1, 1}, Options{Background: "black"}, []uint8{0, 0, 0}},
		{"a colour", plain(1, 1, 9, 9, 9, 0), [3]int{3, 1, 1}, Options{Background: "#8090a0"}, []uint8{0x80, 0x90, 0xa0}},
		{"half", plain(1, 1, 255, 0, 0, 128), [3]int{3, 1, 1}, Options{}, []uint8{255, 127, 127}},
		{"alpha kept", plain(1, 1, 9, 8, 7, 6), [3]int{4, 1, 1}, Options{}, []uint8{9, 8, 7, 6}},
		{"inverted", plain(1, 1, 200, 100, 50, 255), [3]int{3, 1, 1}, Options{Invert: InvertYes}, []uint8{55, 155, 205}},
		{"alpha is not inverted", plain(1, 1, 9, 8, 7, 6), [3]int{4, 1, 1}, Options{Invert: InvertYes}, []uint8{246, 247, 248, 6}},
		{"colours count by alpha", RGBA{2, 1, []uint8{255, 0, 0, 255, 0, 255, 0, 0}}, [3]int{4, 1, 1}, Options{Fit: Pad}, []uint8{255, 0, 0, 128}},
		{"wholly transparent", plain(2, 2, 7, 7, 7, 0), [3]int{4, 1, 1}, Options{}, []uint8{0, 0, 0, 0}},
		{"mean rounds half up", grey(2, 0, 1, 0, 1), [3]int{1, 1, 1}, Options{}, []uint8{1}},
		{"crop about the centre", grey(6, 0, 0, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0), [3]int{1, 1, 1}, Options{}, []uint8{255}},
	} {
		if got := fitted(t, c.p, c.shape, c.o); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFitFilters(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     RGBA
		shape [3]int
		o     Options
		want  []uint8
	}{
		// Pixel 0 covers pixel 0 and half of pixel 1: (2·30 + 60)/3.
		{"area, 3 to 2", grey(3, 30, 60, 90, 30, 60, 90, 30, 60, 90), [3]int{1, 2, 2}, Options{}, []uint8{40, 80, 40, 80}},
		// Centres at −¼, ¼, ¾, 1¼ of the old ones.
		{"linear, 2 to 4", grey(2, 0, 100, 0, 100), [3]int{1, 4, 4}, Options{}, bytes.Repeat([]uint8{0, 25, 75, 100}, 4)},
		{"pad above and below", grey(4, 10, 10, 20, 20, 10, 10, 20, 20), [3]int{1, 4, 4}, Options{Fit: Pad},
			[]uint8{15, 15, 15, 15, 10, 10, 20, 20, 10, 10, 20, 20, 15, 15, 15, 15}},
		{"pad beside", grey(1, 8, 8, 8), [3]int{1, 3, 3}, Options{Fit: Pad, Invert: InvertYes}, bytes.Repeat([]uint8{247}, 9)},
		{"crop of one row", grey(4, 1, 2, 3, 4), [3]int{1, 1, 2}, Options{}, []uint8{2, 3}},
	} {
		if got := fitted(t, c.p, c.shape, c.o); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// A picture of one colour stays of that colour, at every size and alpha.
func TestFitKeepsAColour(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 7}, {31, 3}, {64, 64}, {65, 63}, {1, 200}} {
		for _, fit := range []string{Crop, Pad} {
			p := plain(size[0], size[1], 1, 128, 255, 77)
			if got := fitted(t, p, [3]int{4, 8, 9}, Options{Fit: fit}); !bytes.Equal(got, bytes.Repeat([]uint8{1, 128, 255, 77}, 72)) {
				t.Errorf("%v, %s: got %v", size, fit, got[:8])
			}
		}
	}
}

// The mean of an exact multiple is the mean of the blocks.
func TestFitIsTheMeanOfBlocks(t *testing.T) {
	p := noise(24, 12, true)
	got := fitted(t, p, [3]int{3, 3, 6}, Options{})
	for y := range 3 {
		for x := range 6 {
			for c := range 3 {
				sum := 0
				for i := range 16 {
					sum += int(p.Pix[4*((4*y+i/4)*24+4*x+i%4)+c])
				}
				if want := uint8((sum + 8) / 16); got[3*(6*y+x)+c] != want {
					t.Errorf("pixel %d,%d channel %d is %d, want %d", y, x, c, got[3*(6*y+x)+c], want)
				}
			}
		}
	}
}

func TestFitInvertsALightBorder(t *testing.T) {
	for _, c := range []struct {
		level uint8
		shape [3]int
		want  bool
	}{{200, [3]int{1, 2, 2}, true}, {100, [3]int{1, 2, 2}, false}, {200, [3]int{3, 2, 2}, false}} {
		f, err := Fit(plain(4, 4, c.level, c.level, c.level, 255), c.shape, Options{Invert: InvertAuto})
		if err != nil || f.Inverted != c.want || (f.Pix[0] == c.level) == c.want {
			t.Errorf("level %d, %d channels: inverted %v to %d, %v", c.level, c.shape[0], f.Inverted, f.Pix[0], err)
		}
	}
}

func TestMaskIsBlackWhereTransparent(t *testing.T) {
	p := RGBA{2, 1, []uint8{255, 255, 255, 255, 255, 255, 255, 0}}
	got, err := Mask(p, [3]int{4, 1, 2}, Options{Background: "white", Invert: InvertYes})
	if want := []uint8{255, 0}; err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// Every build of this test, native and wasm, has these sums.
func TestFitHasTheSameBytesEverywhere(t *testing.T) {
	for _, c := range []struct {
		p     RGBA
		shape [3]int
		o     Options
		want  string
	}{
		{noise(131, 77, false), [3]int{3, 32, 32}, Options{}, "c8353fff"},
		{noise(131, 77, false), [3]int{3, 32, 32}, Options{Fit: Pad, Background: "#123456"}, "38a1d9cb"},
		{noise(131, 77, false), [3]int{4, 32, 24}, Options{Fit: Pad}, "1baca3f3"},
		{noise(9, 5, false), [3]int{1, 28, 28}, Options{Invert: InvertAuto}, "62ac8a06"},
	} {
		sum := sha256.Sum256(fitted(t, c.p, c.shape, c.o))
		if got := hex.EncodeToString(sum[:4]); got != c.want {
			t.Errorf("%dx%d to %v with %+v: got %s, want %s", c.p.Width, c.p.Height, c.shape, c.o, got, c.want)
		}
	}
}

func TestFitErrors(t *testing.T) {
	ok := plain(2, 2, 0, 0, 0, 255)
	for _, c := range []struct {
		p     RGBA
		shape [3]int
		o     Options
		want  string
	}{
		{RGBA{0, 2, nil}, [3]int{1, 2, 2}, Options{}, "sides must be between 1 and 16384 pixels (got 0×2"},
		{RGBA{2, 2, make([]uint8, 15)}, [3]int{1, 2, 2}, Options{}, "must have 16 bytes, 4 a pixel (got 15)"},
		{ok, [3]int{2, 2, 2}, Options{}, "1 (grey), 3 (RGB) or 4 (RGBA) channels (got 2)"},
		{ok, [3]int{1, 0, 2}, Options{}, "the model's sides must be between 1 and 16384 pixels (got 2×0"},
		{ok, [3]int{1, 2, 2}, Options{Fit: "stretch"}, `fit must be "crop" or "pad" (got "stretch")`},
		{ok, [3]int{1, 2, 2}, Options{Invert: "maybe"}, `invert must be "no", "yes" or "auto" (got "maybe")`},
		{ok, [3]int{1, 2, 2}, Options{Background: "red"}, `(got "red")`},
		{ok, [3]int{1, 2, 2}, Options{Background: "#12345g"}, `(got "#12345g")`},
		{ok, [3]int{1, 2, 2}, Options{Background: "#+12345"}, `(got "#+12345")`},
	} {
		if _, err := Fit(c.p, c.shape, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for _, side := range []int{32, 1024} {
		b.Run(fmt.Sprintf("side=%d", side), func(b *testing.B) {
			p := noise(side, side, true)
			b.SetBytes(int64(len(p.Pix)))
			for b.Loop() {
				if _, err := Fit(p, [3]int{3, 64, 64}, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
