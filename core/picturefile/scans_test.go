package picturefile

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"testing"

	"tweedie/core/readertest"
)

// progressive returns a JPEG file of a gray picture in the given number of scans, none of which
// changes anything (ISO/IEC 10918-1, annexes B and G).
func progressive(side, scans int) []byte {
	segment := func(out []byte, marker byte, data ...byte) []byte {
		return append(binary.BigEndian.AppendUint16(append(out, 0xff, marker), uint16(2+len(data))), data...)
	}
	out := []byte{0xff, 0xd8}
	out = segment(out, 0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...) // a table of ones
	size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, uint16(side)), uint16(side))
	out = segment(out, 0xc2, append(size, 1, 1, 0x11, 0)...) // progressive, one component
	one := append([]byte{1}, make([]byte, 15)...)            // one code, of one bit
	out = segment(out, 0xc4, append(append([]byte{0x00}, one...), 0x00)...)
	out = segment(out, 0xc4, append(append([]byte{0x10}, one...), 0xe0)...) // the end of 2^14 blocks and more
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	out = segment(out, 0xda, 1, 1, 0, 0, 0, 1)
	out = append(out, make([]byte, (blocks+7)/8)...) // a bit of nothing a block
	for range scans - 1 {
		out = segment(out, 0xda, 1, 1, 0, 1, 63, 1)
		out = append(out, make([]byte, (blocks/(1<<14)+1)*15/8+1)...)
	}
	return append(out, 0xff, 0xd9)
}

// TestScans: a picture may have many scans, but no more than maxScans are decoded.
func TestScans(t *testing.T) {
	if m, _, err := image.Decode(bytes.NewReader(progressive(64, 20))); err != nil || m.Bounds().Dx() != 64 {
		t.Fatalf("the test's file is invalid: %v", err)
	}
	if _, err := DecodeBytes(progressive(64, 60)); err != nil {
		t.Error(err)
	}
	const side, many = 1 << 11, 3000
	file := progressive(side, many)
	readertest.Refuses(t, "scans", 192<<20, func() error { _, err := DecodeBytes(file); return err })
	var decoded bytes.Buffer
	if _, _, err := image.Decode(io.TeeReader(limitScans(bytes.NewReader(file), scansOf(side*side)), &decoded)); err == nil {
		t.Error("a picture of 3000 scans is decoded")
	}
	if n := bytes.Count(decoded.Bytes(), []byte{0xff, 0xda}); n == 0 || n > maxScans {
		t.Errorf("%d scans were decoded, want at most %d", n, maxScans)
	}
}
