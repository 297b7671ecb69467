package dataset

import (
	"bufio"
	"fmt"
	"io"
)

// maxScans is how many scans of a JPEG picture are read: every one goes through the whole
// picture and may be a dozen bytes. What encoders make are some ten, and one or two in a
// thumbnail.
const maxScans = 100

// bounded returns in as a reader that ends a JPEG file with an error after maxScans scans.
func bounded(in io.Reader) io.Reader {
	b := bufio.NewReader(in)
	if start, err := b.Peek(2); err != nil || start[0] != 0xff || start[1] != 0xd8 {
		return b
	}
	return &scans{in: b}
}

// scans counts the markers that begin a scan. Bytes of a scan never look like one
// (ISO/IEC 10918-1, B.1.1.5).
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
