package dataset

import (
	"encoding/binary"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"testing"
)

// exifJPEG returns a JPEG file of img with an orientation in its Exif data.
func exifJPEG(t testing.TB, img image.Image, order binary.AppendByteOrder, mark string, orientation uint16) []byte {
	tiff := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, tag := range [][2]uint16{{0x0100, 99}, {0x0112, orientation}} {
		tiff = order.AppendUint16(order.AppendUint16(tiff, tag[0]), 3)
		tiff = order.AppendUint16(order.AppendUint16(order.AppendUint32(tiff, 1), tag[1]), 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(2+len(segment)))
	return slices.Concat(head, segment, jpegOf(t, img)[2:])
}

// TestOrientation reads a picture whose upper left quarter is white, stored in the eight
// orientations of cameras.
func TestOrientation(t *testing.T) {
	// Where the white quarter, at the upper left in the upright picture, is in the stored rows,
	// by orientation: left or right, top or bottom.
	for i, right := range []bool{false, true, true, false, false, false, true, true} {
		orientation, bottom := i+1, slices.Contains([]int{3, 4, 6, 7}, i+1)
		h, w := 8, 16
		if orientation >= 5 { // height and width are exchanged
			h, w = w, h
		}
		stored := fill(h, w, color.Black)
		for y := range h {
			for x := range w {
				if (x >= w/2) == right && (y >= h/2) == bottom {
					stored.Set(x, y, color.White)
				}
			}
		}
		for mark, order := range map[string]binary.AppendByteOrder{"II": binary.LittleEndian, "MM": binary.BigEndian} {
			dir := tree(t, map[string][]byte{"a.jpg": exifJPEG(t, stored, order, mark, uint16(orientation))})
			d, err := Load(dir, Options{C: 1})
			if err != nil {
				t.Fatal(err)
			}
			if d.H != 8 || d.W != 16 {
				t.Fatalf("orientation %d: %d×%d, want 8×16 (height × width)", orientation, d.H, d.W)
			}
			for at, v := range d.Images {
				want := uint8(0)
				if at/16 < 4 && at%16 < 8 {
					want = 255
				}
				if v != want {
					t.Fatalf("orientation %d, %s: row %d, column %d is %d, want %d", orientation, mark, at/16, at%16, v, want)
				}
			}
			img, err := ReadPicture(filepath.Join(dir, "a.jpg"))
			if err != nil || img.Bounds() != image.Rect(0, 0, 16, 8) {
				t.Errorf("orientation %d: ReadPicture gives %v, %v", orientation, img.Bounds(), err)
			}
		}
	}
}
