package picturefile

import (
	"bufio"
	"fmt"
	"io"
)

// maxScans is the most scans of a JPEG picture that are decoded. Each scan covers the whole
// picture but may be only a dozen bytes long. Encoders write about ten, and one or two in a
// thumbnail.
const maxScans = 100

// limitScans returns a reader of in that ends a JPEG file with an error after maxScans scans.
func limitScans(in io.Reader) io.Reader {
	b := bufio.NewReader(in)
	if start, err := b.Peek(2); err != nil || start[0] != 0xff || start[1] != 0xd8 {
		return b
	}
	return &scans{in: b}
}

// scans counts the markers that begin a scan. They never occur in the data of a scan (ISO/IEC
// 10918-1, B.1.1.5).
type scans struct {
	in    io.Reader
	last  byte
	count int
}

// Read implements io.Reader.
func (s *scans) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	for _, b := range p[:n] {
		if s.last == 0xff && b == 0xda {
			s.count++
		}
		s.last = b
	}
	if s.count > maxScans {
		return 0, fmt.Errorf("has more than %d scans", maxScans)
	}
	return n, err
}
