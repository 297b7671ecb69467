package picturefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// output returns what a command of Go prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// files returns the files of a folder whose names match a pattern.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	return paths
}

// corners is a picture whose four corners differ.
func corners(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / (w - 1)), uint8(255 * y / (h - 1)), 40, 255})
		}
	}
	return m
}

func same(a, b image.Image) bool {
	if a.Bounds().Size() != b.Bounds().Size() {
		return false
	}
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r, g, bl, al := a.At(a.Bounds().Min.X+x, a.Bounds().Min.Y+y).RGBA()
			s, h, c, bl2 := b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y).RGBA()
			if r != s || g != h || bl != c || al != bl2 {
				return false
			}
		}
	}
	return true
}

// TestSuites decodes PngSuite, and the pictures of Go's and x/image's own tests.
func TestSuites(t *testing.T) {
	root, x := output(t, "env", "GOROOT"), output(t, "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image")
	for _, path := range files(t, filepath.Join(root, "src/image/png/testdata/pngsuite/*.png")) {
		f, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := png.Decode(bytes.NewReader(f))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Open(path); err != nil || !same(got, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, pattern := range []string{"src/image/testdata/*.jpeg", "src/image/testdata/*.gif"} {
		for _, path := range files(t, filepath.Join(root, pattern)) {
			if _, err := Open(path); err != nil && !strings.Contains(path, "truncated") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for _, path := range files(t, filepath.Join(x, "testdata/*.webp")) {
		if _, err := Open(path); err != nil && !strings.Contains(path, "invalid") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// chunk returns a chunk of a PNG file.
func chunk(name string, data []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// exif returns Exif data of an orientation.
func exif(orientation uint16) []byte {
	b := binary.BigEndian.AppendUint32([]byte("MM\x00*"), 8)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = append(b, 0x01, 0x12, 0, 3, 0, 0, 0, 1)
	return append(binary.BigEndian.AppendUint16(b, orientation), 0, 0)
}

// riff returns a WebP file of chunks.
func riff(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), slices.Concat(chunks...)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func riffChunk(name string, data []byte) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data))), data...)
	return append(b, make([]byte, len(data)%2)...)
}

// TestUpright: the orientation of Exif data counts in JPEG, PNG and WebP files.
func TestUpright(t *testing.T) {
	stored := corners(6, 4)
	upright := image.NewNRGBA(image.Rect(0, 0, 4, 6)) // a quarter turn clockwise, orientation 6
	for y := range 6 {
		for x := range 4 {
			upright.Set(x, y, stored.At(y, 3-x))
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, stored); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25 // the signature and IHDR
	turned := slices.Concat(file.Bytes()[:header], chunk("eXIf", exif(6)), file.Bytes()[header:])
	if got, err := DecodeBytes(turned); err != nil || !same(got, upright) {
		t.Errorf("PNG: %v", err)
	}
	if h, err := ReadHeader(bytes.NewReader(turned)); err != nil || h.H != 6 || h.W != 4 {
		t.Errorf("PNG: header %+v, %v", h, err)
	}

	file.Reset()
	if err := jpeg.Encode(&file, stored, nil); err != nil {
		t.Fatal(err)
	}
	segment := append([]byte("Exif\x00\x00"), exif(6)...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(2+len(segment)))
	if got, err := DecodeBytes(slices.Concat(head, segment, file.Bytes()[2:])); err != nil || got.Bounds() != image.Rect(0, 0, 4, 6) {
		t.Errorf("JPEG: %v", err)
	}

	lossless, err := os.ReadFile(filepath.Join(output(t, "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image"), "testdata/blue-purple-pink.lossless.webp"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := DecodeBytes(lossless)
	if err != nil {
		t.Fatal(err)
	}
	size := plain.Bounds().Size()
	extended := []byte{0x08, 0, 0, 0, byte(size.X - 1), byte((size.X - 1) >> 8), 0, byte(size.Y - 1), byte((size.Y - 1) >> 8), 0}
	got, err := DecodeBytes(riff(riffChunk("VP8X", extended), lossless[12:], riffChunk("EXIF", exif(8))))
	if err != nil || got.Bounds().Size() != image.Pt(size.Y, size.X) {
		t.Errorf("WebP: %v", err)
	}
}

// TestMarkers: bytes of filling before a marker, and bytes in another segment that look like the
// beginning of a scan, change nothing.
func TestMarkers(t *testing.T) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, corners(16, 8), nil); err != nil {
		t.Fatal(err)
	}
	segment := append([]byte("Exif\x00\x00"), exif(6)...)
	filled := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xff, 0xff, 0xe1}, uint16(2+len(segment)))
	if got, err := DecodeBytes(slices.Concat(filled, segment, file.Bytes()[2:])); err != nil || got.Bounds() != image.Rect(0, 0, 8, 16) {
		t.Errorf("filling before the Exif data: %v", err)
	}
	comment := bytes.Repeat([]byte{0xff, 0xda}, 2*maxScans)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xed}, uint16(2+len(comment)))
	if _, err := DecodeBytes(slices.Concat(head, comment, file.Bytes()[2:])); err != nil {
		t.Errorf("a segment of scan markers: %v", err)
	}
}

// TestTurnedTransparency: a turned picture says whether it is opaque, as others do.
func TestTurnedTransparency(t *testing.T) {
	clear := corners(6, 4)
	clear.SetNRGBA(0, 0, color.NRGBA{})
	for _, m := range []*image.NRGBA{corners(6, 4), clear} {
		if got, ok := turned(m, 6).(interface{ Opaque() bool }); !ok || got.Opaque() != m.Opaque() {
			t.Errorf("a turned picture does not say that opaque is %v", m.Opaque())
		}
	}
}

// TestScansOf: small pictures may have many scans, and the largest a dozen.
func TestScansOf(t *testing.T) {
	for pixels, want := range map[int]int{0: maxScans, 1 << 20: maxScans, 1 << 24: 32, MaxPixels: 16, 1 << 28: fewestScans} {
		if got := scansOf(pixels); got != want {
			t.Errorf("%d pixels: %d scans, want %d", pixels, got, want)
		}
	}
}

// TestGIF: the first frame stands at its place on the screen.
func TestGIF(t *testing.T) {
	frame := image.NewPaletted(image.Rect(3, 2, 5, 4), color.Palette{color.Black, color.White})
	frame.SetColorIndex(4, 3, 1)
	second := image.NewPaletted(image.Rect(0, 0, 8, 6), color.Palette{color.White, color.Black})
	var file bytes.Buffer
	if err := gif.EncodeAll(&file, &gif.GIF{Image: []*image.Paletted{frame, second}, Delay: []int{1, 1}, Config: image.Config{Width: 8, Height: 6, ColorModel: frame.Palette}}); err != nil {
		t.Fatal(err)
	}
	got, err := DecodeBytes(file.Bytes())
	if err != nil || got.Bounds() != image.Rect(0, 0, 8, 6) {
		t.Fatalf("%v, %v", got.Bounds(), err)
	}
	for at, want := range map[image.Point]color.NRGBA{{4, 3}: {255, 255, 255, 255}, {3, 2}: {0, 0, 0, 255}, {0, 0}: {}} {
		if c := color.NRGBAModel.Convert(got.At(at.X, at.Y)); c != want {
			t.Errorf("pixel %v is %v, want %v", at, c, want)
		}
	}
}

func TestBMP(t *testing.T) {
	var file bytes.Buffer
	if err := bmp.Encode(&file, corners(5, 3)); err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeBytes(file.Bytes()); err != nil || !same(got, corners(5, 3)) {
		t.Error(err)
	}
}

// TestDisplayColours: gamma, chromaticities and profiles change no pixel.
func TestDisplayColours(t *testing.T) {
	var file bytes.Buffer
	if err := png.Encode(&file, corners(4, 4)); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25
	for name, data := range map[string][]byte{
		"gAMA": {0, 1, 0x86, 0xa0}, "cHRM": make([]byte, 32), "sRGB": {0}, "cICP": {12, 13, 0, 1},
	} {
		with := slices.Concat(file.Bytes()[:header], chunk(name, data), file.Bytes()[header:])
		if got, err := DecodeBytes(with); err != nil || !same(got, corners(4, 4)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefuses: what is no picture, is too large or ends early is an error, which says so.
func TestRefuses(t *testing.T) {
	var file bytes.Buffer
	if err := png.Encode(&file, corners(4, 4)); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"nothing": {}, "text": []byte("hello"), "SVG": []byte("<svg/>"), "cut": file.Bytes()[:len(file.Bytes())/2]} {
		if _, err := DecodeBytes(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := slices.Clone(file.Bytes())
	binary.BigEndian.PutUint32(large[16:], MaxSide+1)
	binary.BigEndian.PutUint32(large[29:], crc32.ChecksumIEEE(large[12:29]))
	if _, err := DecodeBytes(large); err == nil || !strings.Contains(err.Error(), "sides must be from 1") {
		t.Errorf("large: %v", err)
	}
}

// TestOtherFormats: a file of a format that is not read is named as what it is.
func TestOtherFormats(t *testing.T) {
	animation := riff(riffChunk("VP8X", []byte{0x02, 0, 0, 0, 9, 0, 0, 9, 0, 0}), riffChunk("ANIM", make([]byte, 6)))
	for data, want := range map[string]string{
		"\x00\x00\x00\x1cftypavif\x00": "an AVIF picture", "\x00\x00\x00\x18ftypheic\x00": "a HEIC picture", "\x00\x00\x00\x20ftypisom\x00": "a video",
		"II*\x00\x08\x00": "a TIFF picture", "<svg xmlns=": "an SVG drawing", "%PDF-1.7": "a PDF document", string(animation): "an animated WebP", "\xff\x0a\xfa": "a JPEG XL picture",
	} {
		if _, err := DecodeBytes([]byte(data)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.12q: got %v, want an error with %q", data, err, want)
		}
	}
}

// FuzzDecode: any bytes give a picture within the limits, or an error.
func FuzzDecode(f *testing.F) {
	var file bytes.Buffer
	png.Encode(&file, corners(4, 4))
	f.Add(file.Bytes())
	f.Add(slices.Concat(file.Bytes()[:33], chunk("eXIf", exif(6)), file.Bytes()[33:]))
	for _, encode := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return jpeg.Encode(b, corners(9, 5), nil) },
		func(b *bytes.Buffer) error { return gif.Encode(b, corners(4, 3), nil) },
		func(b *bytes.Buffer) error { return bmp.Encode(b, corners(4, 3)) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add(riff(riffChunk("VP8X", make([]byte, 10)), riffChunk("EXIF", exif(3))))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil || h.H*h.W > 1<<20 {
			return
		}
		if m, err := DecodeBytes(data); err == nil && m.Bounds().Size() != image.Pt(h.W, h.H) {
			t.Errorf("the header says %d×%d (height × width), the picture is %v", h.H, h.W, m.Bounds())
		}
	})
}
