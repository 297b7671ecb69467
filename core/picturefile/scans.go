package picturefile

import (
	"bufio"
	"fmt"
	"io"
)

// The work of a JPEG picture is bounded by its scans: each covers the whole picture but may be
// only a dozen bytes long. Encoders write about ten, and one or two in a thumbnail.
const (
	maxScans    = 100
	maxScanned  = 1 << 29 // pixels of all scans together
	fewestScans = 12      // are decoded of the largest picture
)

// scansOf returns the most scans of a picture of so many pixels that are decoded.
func scansOf(pixels int) int {
	return min(maxScans, max(fewestScans, maxScanned/max(1, pixels)))
}

// limitScans returns a reader of in that ends a JPEG file with an error after most scans.
func limitScans(in io.Reader, most int) io.Reader {
	b := bufio.NewReader(in)
	if start, err := b.Peek(2); err != nil || start[0] != 0xff || start[1] != 0xd8 {
		return b
	}
	return &scans{in: b, most: most}
}

// scans counts the markers that begin a scan, outside of other segments (ISO/IEC 10918-1,
// B.1.1). They never occur in the data of a scan.
type scans struct {
	in    io.Reader
	most  int
	count int

	marked bool // the last byte was 0xff, which begins a marker
	length int  // bytes of a segment's length that follow
	size   int  // the length so far
	skip   int  // bytes of the segment that follow
}

// Read implements io.Reader.
func (s *scans) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	for _, b := range p[:n] {
		s.see(b)
	}
	if s.count > s.most {
		return 0, fmt.Errorf("has more than %d scans", s.most)
	}
	return n, err
}

// see follows one byte of the file.
func (s *scans) see(b byte) {
	switch {
	case s.skip > 0:
		s.skip--
	case s.length > 0:
		if s.size = s.size<<8 | int(b); s.length == 1 {
			s.skip = max(0, s.size-2)
		}
		s.length--
	case !s.marked:
		s.marked = b == 0xff
	case b == 0xff: // filling
	default:
		s.marked = false
		if b == 0 || b == 0x01 || b >= 0xd0 && b <= 0xd9 { // data, or a marker without a segment
			return
		}
		if b == 0xda {
			s.count++
		}
		s.length, s.size = 2, 0
	}
}
