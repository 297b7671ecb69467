package dataset

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"io"
)

// upright is the orientation of a picture whose first row is at the top and whose first column
// is at the left.
const upright = 1

// orientation returns the orientation that the Exif data of the JPEG file in gives, 1 to 8 as
// in table 6 of Exif 2.32 (tag 0x0112). It is upright for other formats and if the data is
// missing or invalid.
func orientation(in io.Reader) int {
	r := bufio.NewReader(in)
	marker := make([]byte, 4)
	if _, err := io.ReadFull(r, marker[:2]); err != nil || marker[0] != 0xff || marker[1] != 0xd8 {
		return upright
	}
	for { // segments before the first scan
		if _, err := io.ReadFull(r, marker); err != nil || marker[0] != 0xff || marker[1] == 0xda {
			return upright
		}
		size := int(binary.BigEndian.Uint16(marker[2:])) - 2
		if size < 0 {
			return upright
		}
		if marker[1] != 0xe1 { // APP1
			if _, err := r.Discard(size); err != nil {
				return upright
			}
			continue
		}
		segment := make([]byte, size)
		if _, err := io.ReadFull(r, segment); err != nil {
			return upright
		}
		if exif, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
			return exifOrientation(exif)
		}
	}
}

// exifOrientation reads the tag from the first directory of a TIFF structure.
func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	start := order.Uint32(tiff[4:])
	if start > uint32(len(tiff)-2) {
		return upright
	}
	entries := tiff[start+2:]
	for range order.Uint16(tiff[start:]) {
		if len(entries) < 12 {
			break
		}
		if tag, kind := order.Uint16(entries), order.Uint16(entries[2:]); tag == 0x0112 && kind == 3 { // a short
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		entries = entries[12:]
	}
	return upright
}

// sideways reports whether an orientation exchanges height and width.
func sideways(orientation int) bool { return orientation >= 5 }

// oriented is a view of a picture in another orientation. It copies nothing.
type oriented struct {
	image.Image
	orientation int
}

// turned returns img upright, given its stored orientation.
func turned(img image.Image, orientation int) image.Image {
	if orientation == upright {
		return img
	}
	return oriented{img, orientation}
}

// Bounds implements image.Image.
func (o oriented) Bounds() image.Rectangle {
	size := o.Image.Bounds().Size()
	if sideways(o.orientation) {
		size = image.Pt(size.Y, size.X)
	}
	return image.Rectangle{Max: size}
}

// At implements image.Image.
func (o oriented) At(x, y int) color.Color {
	b := o.Image.Bounds()
	right, bottom := b.Dx()-1, b.Dy()-1
	switch o.orientation {
	case 2:
		x = right - x
	case 3:
		x, y = right-x, bottom-y
	case 4:
		y = bottom - y
	case 5:
		x, y = y, x
	case 6:
		x, y = y, bottom-x
	case 7:
		x, y = right-y, bottom-x
	case 8:
		x, y = right-y, x
	}
	return o.Image.At(b.Min.X+x, b.Min.Y+y)
}
