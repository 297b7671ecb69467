package picturefile

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

// orientationOf returns the orientation that the Exif data of a file gives, 1 to 8 as in table 6
// of Exif 2.32 (tag 0x0112). It is upright if the data is missing or invalid.
func orientationOf(in io.ReadSeeker) (int, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	r := bufio.NewReader(in)
	head, err := r.Peek(12)
	switch {
	case err != nil:
		return upright, nil
	case head[0] == 0xff && head[1] == 0xd8:
		return ofJPEG(r), nil
	case string(head[:8]) == "\x89PNG\r\n\x1a\n":
		return ofChunks(r, 8, "eXIf", binary.BigEndian, false), nil
	case string(head[:4]) == "RIFF" && string(head[8:]) == "WEBP":
		return ofChunks(r, 12, "EXIF", binary.LittleEndian, true), nil
	}
	return upright, nil
}

// exifName is what precedes the TIFF structure of Exif data.
var exifName = []byte("Exif\x00\x00")

// ofJPEG looks for Exif data in the segments before the first scan.
func ofJPEG(r *bufio.Reader) int {
	r.Discard(2)
	marker := make([]byte, 4)
	for {
		if _, err := io.ReadFull(r, marker[:2]); err != nil || marker[0] != 0xff {
			return upright
		}
		for marker[1] == 0xff { // bytes of filling before a marker (ISO/IEC 10918-1, B.1.1.2)
			if _, err := io.ReadFull(r, marker[1:2]); err != nil {
				return upright
			}
		}
		if marker[1] == 0xda {
			return upright
		}
		if _, err := io.ReadFull(r, marker[2:]); err != nil {
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
		if exif, ok := bytes.CutPrefix(segment, exifName); ok {
			return exifOrientation(exif)
		}
	}
}

// maxExif is the most bytes of Exif data that are read.
const maxExif = 1 << 20

// ofChunks looks for Exif data in the chunks of PNG, whose length comes before their name, or of
// RIFF, whose name comes before their length.
func ofChunks(r *bufio.Reader, start int, name string, order binary.ByteOrder, riff bool) int {
	if _, err := r.Discard(start); err != nil {
		return upright
	}
	head := make([]byte, 8)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			return upright
		}
		length, called, rest := order.Uint32(head), head[4:], 4 // a checksum follows
		if riff {
			length, called = order.Uint32(head[4:]), head[:4]
			rest = int(length & 1) // chunks have an even length
		}
		if length > 1<<31-1 {
			return upright
		}
		if string(called) != name {
			if _, err := r.Discard(int(length) + rest); err != nil {
				return upright
			}
			continue
		}
		if length > maxExif {
			return upright
		}
		exif := make([]byte, length)
		if _, err := io.ReadFull(r, exif); err != nil {
			return upright
		}
		return exifOrientation(bytes.TrimPrefix(exif, exifName))
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

// Opaque reports whether the picture is known to have no transparent pixels.
func (o oriented) Opaque() bool {
	p, ok := o.Image.(interface{ Opaque() bool })
	return ok && p.Opaque()
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
