package picturefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif"  // registers the format
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"

	_ "golang.org/x/image/bmp"  // registers the format
	_ "golang.org/x/image/webp" // registers the format
)

// Limits of a picture.
const (
	MaxSide   = 1 << 14 // pixels of a side
	MaxPixels = 1 << 25 // pixels in all
)

// Formats names the formats, for messages.
const Formats = "PNG, JPEG, GIF, WebP or BMP"

// ErrFormat is wrapped by the error about a file that is none of Formats, or damaged.
var ErrFormat = errors.New("not a readable " + Formats + " picture")

// Header is what the beginning of a file says of its picture.
type Header struct {
	H, W   int    // upright
	Gray   bool   // one channel
	Format string // "png", "jpeg", "gif", "webp" or "bmp"
	Turned bool   // by its Exif orientation
}

// ReadHeader reads the header of a picture without its pixels. It refuses a picture that is
// larger than the limits.
func ReadHeader(in io.ReadSeeker) (Header, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return Header{}, err
	}
	c, format, err := image.DecodeConfig(bufio.NewReader(in))
	if err != nil {
		return Header{}, unreadable(in, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > MaxSide || c.Height > MaxSide || c.Width*c.Height > MaxPixels {
		return Header{}, fmt.Errorf("%s picture of %dx%d (height x width) is too large: sides must be from 1 to %d, with at most %d pixels in all", format, c.Height, c.Width, MaxSide, MaxPixels)
	}
	h := Header{H: c.Height, W: c.Width, Gray: c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model, Format: format}
	turn, err := orientationOf(in)
	if err != nil {
		return Header{}, err
	}
	if h.Turned = turn != upright; sideways(turn) {
		h.H, h.W = h.W, h.H
	}
	return h, nil
}

// Decode decodes a picture and turns it upright. The error is one of ReadHeader, or wraps
// ErrFormat.
func Decode(in io.ReadSeeker) (image.Image, error) {
	h, err := ReadHeader(in)
	if err != nil {
		return nil, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, format, err := image.Decode(limitScans(in, scansOf(h.H*h.W)))
	if err != nil {
		return nil, unreadable(in, err)
	}
	if format == "gif" {
		if img, err = onScreen(in, img); err != nil {
			return nil, err
		}
	}
	// A file may have changed since its header was read.
	if b := img.Bounds(); b.Dx() < 1 || b.Dy() < 1 || b.Dx() > MaxSide || b.Dy() > MaxSide {
		return nil, fmt.Errorf("picture of %dx%d (height x width)", b.Dy(), b.Dx())
	}
	turn, err := orientationOf(in)
	if err != nil {
		return nil, err
	}
	return turned(img, turn), nil
}

// DecodeBytes is Decode for a file in memory.
func DecodeBytes(file []byte) (image.Image, error) { return Decode(bytes.NewReader(file)) }

// Open decodes the file at path. The error names it.
func Open(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return img, nil
}

// onScreen returns the first frame of a GIF file at its place on the screen, which is
// transparent elsewhere.
func onScreen(in io.ReadSeeker, frame image.Image) (image.Image, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c, _, err := image.DecodeConfig(bufio.NewReader(in))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	screen := image.Rect(0, 0, c.Width, c.Height)
	if frame.Bounds() == screen {
		return frame, nil
	}
	out := image.NewNRGBA(screen)
	draw.Draw(out, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return out, nil
}
