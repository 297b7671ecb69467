package train

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"tweedie/core/engine"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights"
)

// The titles of a sheet, in pixels.
const (
	titleHeight = 18
	titleSize   = 12
	titleWidth  = 64 // columns with titles are at least so wide: images are enlarged
)

// trainingSheet writes images [N,H,W,C] in [−1,1] on a sheet, in columns with titles.
func trainingSheet(path string, x *tensor.Tensor, titles []string) error {
	pixels, err := engine.Pixels(x)
	if err != nil {
		return err
	}
	sheet, err := output.NewSheet(pixels, [4]int(x.Shape), len(titles))
	if err != nil {
		return err
	}
	if x.Shape[3] == 4 {
		sheet = onCheckerboard(sheet)
	}
	if strings.Join(titles, "") != "" {
		if sheet, err = titled(sheet, titles); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, sheet); err != nil {
		return err
	}
	return weights.WriteAtomic(path, b.Bytes())
}

// onCheckerboard returns the sheet over squares of two greys, which show what is transparent.
func onCheckerboard(sheet image.Image) draw.Image {
	const side = 4
	out := image.NewNRGBA(sheet.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Set(x, y, color.Gray{Y: uint8(160 + 60*((x/side+y/side)%2))})
		}
	}
	draw.Draw(out, out.Rect, sheet, image.Point{}, draw.Over)
	return out
}

// titled returns the sheet, enlarged by a whole number so that the titles fit, below its titles.
// Long titles are cut off.
func titled(sheet draw.Image, titles []string) (draw.Image, error) {
	parsed, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("font of the titles: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: titleSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("font of the titles: %w", err)
	}
	size := sheet.Bounds().Size()
	pitch := (size.X + output.Gap) / len(titles)
	scale := max(1, (titleWidth+pitch-1)/pitch)
	out := image.NewNRGBA(image.Rect(0, 0, size.X*scale, size.Y*scale+titleHeight))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	for y := range size.Y * scale {
		for x := range size.X * scale {
			out.Set(x, y+titleHeight, sheet.At(x/scale, y/scale))
		}
	}
	d := font.Drawer{Dst: out, Src: image.NewUniform(color.Gray{Y: 32}), Face: face}
	for i, title := range titles {
		d.Dot = fixed.P(i*pitch*scale+2, titleHeight-5)
		d.DrawString(shortened(&d, title, (pitch-output.Gap)*scale-4))
	}
	return out, nil
}

// shortened cuts a title off with an ellipsis where it is wider than width pixels.
func shortened(d *font.Drawer, title string, width int) string {
	if d.MeasureString(title).Ceil() <= width {
		return title
	}
	letters := []rune(title)
	for len(letters) > 0 && d.MeasureString(string(letters)+"…").Ceil() > width {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}
