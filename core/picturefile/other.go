package picturefile

import (
	"bytes"
	"fmt"
	"io"
)

// other are formats that are not read, by what their files begin with after some bytes.
var other = []struct {
	at    int
	start string
	name  string
}{
	{4, "ftypavif", "an AVIF picture"}, {4, "ftypavis", "an AVIF animation"}, {4, "ftyphei", "a HEIC picture"}, {4, "ftyphev", "a HEIC picture"}, {4, "ftypmif1", "a HEIF picture"},
	{4, "ftyp", "a video"}, {0, "\xff\x0a", "a JPEG XL picture"}, {4, "JXL \r\n\x87\n", "a JPEG XL picture"}, {4, "jP  \r\n\x87\n", "a JPEG 2000 picture"},
	{0, "II*\x00", "a TIFF picture"}, {0, "MM\x00*", "a TIFF picture"}, {0, "<svg", "an SVG drawing"}, {0, "<?xml", "an SVG drawing or another XML file"}, {0, "%PDF", "a PDF document"},
	{0, "8BPS", "a Photoshop document"}, {0, "\x00\x00\x01\x00", "an icon"}, {0, "PK\x03\x04", "a zip archive"}, {0, "\x93NUMPY", "an array of NumPy"},
}

// unreadable returns the error about a file that could not be decoded: what it is, if it is a
// format that is not read, or else why.
func unreadable(in io.ReadSeeker, cause error) error {
	head := make([]byte, 32)
	if _, err := in.Seek(0, io.SeekStart); err == nil {
		n, _ := io.ReadFull(in, head)
		head = head[:n]
	}
	for _, o := range other {
		if len(head) > o.at && bytes.HasPrefix(head[o.at:], []byte(o.start)) {
			return fmt.Errorf("%w: it is %s: save it as PNG or JPEG", ErrFormat, o.name)
		}
	}
	const flags, animated = 20, 0x02 // of a VP8X chunk
	if len(head) > flags && string(head[:4]) == "RIFF" && string(head[8:16]) == "WEBPVP8X" && head[flags]&animated != 0 {
		return fmt.Errorf("%w: it is an animated WebP picture: save one frame as PNG or JPEG", ErrFormat)
	}
	return fmt.Errorf("%w: %w", ErrFormat, cause)
}
