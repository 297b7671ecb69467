package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"testing"
)

// types returns p as Go's types of picture, at an offset. Those that drop alpha
// are left out unless it is opaque.
func types(p RGBA) map[string]image.Image {
	r := image.Rect(3, 5, 3+p.Width, 5+p.Height)
	n := &image.NRGBA{Pix: p.Pix, Stride: 4 * p.Width, Rect: r}
	paletted := image.NewPaletted(r, nil)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			paletted.Pix[paletted.PixOffset(x, y)] = uint8(len(paletted.Palette))
			paletted.Palette = append(paletted.Palette, n.NRGBAAt(x, y))
		}
	}
	wide := image.NewNRGBA64(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := n.NRGBAAt(x, y)
			wide.SetNRGBA64(x, y, color.NRGBA64{uint16(c.R) * 0x101, uint16(c.G) * 0x101, uint16(c.B) * 0x101, uint16(c.A) * 0x101})
		}
	}
	out := map[string]image.Image{"NRGBA": n, "Paletted": paletted, "NRGBA64": wide}
	if n.Opaque() {
		rgba := image.NewRGBA(r)
		draw.Draw(rgba, r, n, r.Min, draw.Src)
		out["RGBA"] = rgba
	}
	return out
}

// FitImage gives what Fit gives of the same pixels, whatever their type.
func TestFitImageIsFit(t *testing.T) {
	for _, p := range []RGBA{noise(13, 9, false), noise(13, 9, true)} {
		for _, shape := range [][3]int{{1, 9, 13}, {3, 9, 13}, {4, 9, 13}, {1, 4, 4}, {3, 20, 8}, {4, 5, 5}} {
			for _, o := range []Options{{}, {Fit: Pad, Background: "#102030"}, {Background: "black", Invert: InvertAuto}} {
				want := fitted(t, p, shape, o)
				for name, img := range types(p) {
					if got, err := FitImage(img, shape, o); err != nil || !bytes.Equal(got.Pix, want) {
						t.Errorf("%s to %v with %+v: differs from Fit, %v", name, shape, o, err)
					}
				}
			}
		}
	}
}

func TestFitImageErrors(t *testing.T) {
	if _, err := FitImage(image.NewGray(image.Rect(0, 0, 0, 4)), [3]int{1, 2, 2}, Options{}); err == nil {
		t.Error("a picture without pixels was taken")
	}
	if _, err := FitImage(image.NewGray(image.Rect(0, 0, 4, 4)), [3]int{1, 2, 2}, Options{Background: "?"}); err == nil {
		t.Error("a background without meaning was taken")
	}
}

// Image and FitImage are inverses.
func TestImageIsTheInverse(t *testing.T) {
	for _, c := range []int{1, 3, 4} {
		pix := noise(6, 7, false).Pix[:6*7*c]
		got, err := FitImage(Image(pix, 7, 6, c), [3]int{c, 7, 6}, Options{})
		if err != nil || !bytes.Equal(got.Pix, pix) {
			t.Errorf("%d channels: bytes changed, %v", c, err)
		}
	}
}

// The luma is that of package image/color.
func TestLumaIsImageColors(t *testing.T) {
	p := noise(64, 64, true)
	for i := 0; i < len(p.Pix); i += 4 {
		c := [4]uint8(p.Pix[i:])
		want := color.GrayModel.Convert(color.RGBA{c[0], c[1], c[2], 255}).(color.Gray).Y
		if got := luma(c); got != want {
			t.Fatalf("luma of %v is %d, want %d", c, got, want)
		}
	}
}
