package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"image/color"
	"path/filepath"
	"testing"

	"tweedie/core/readertest"
)

// compressed returns data compressed by gzip.
func compressed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sized returns a picture whose header has another width and height.
func sized(t *testing.T, w, h uint32) []byte {
	data := pngOf(t, fill(2, 2, color.White))
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// TestLimits: wrong sizes and decompression bombs are refused before memory is allocated.
func TestLimits(t *testing.T) {
	axes := func(dims ...uint32) []byte {
		b := []byte{0, 0, 8, byte(len(dims))}
		for _, d := range dims {
			b = binary.BigEndian.AppendUint32(b, d)
		}
		return b
	}
	for _, c := range []struct {
		name, file, want string
		data             []byte
	}{
		{"2^32 by 2^32", "a", "at most", axes(1<<32-1, 1<<32-1, 1<<32-1)},
		{"much of nothing", "a", "can contain at most 16", axes(1<<10, 1<<10, 1<<10)},
		{"nothing of much", "a", "", axes(0, 1<<32-1, 1<<32-1)},
		{"many axes", "a", "must start with", append([]byte{0, 0, 8, 255}, make([]byte, 4096)...)},
		{"bomb", "a.gz", "can contain at most 67108864", compressed(t, append(axes(1<<17, 1<<5, 1<<5), make([]byte, 64<<20)...))},
		{"bomb that is too long", "a.gz", "got 9 or more", compressed(t, append(axes(2, 2, 2), make([]byte, 64<<20)...))},
		{"wide picture", "a.png", "sides must be from 1", sized(t, 1<<31-1, 1)},
		{"large picture", "a.png", "sides must be from 1", sized(t, 1<<14, 1<<14)},
		{"picture that ends", "a.png", "not a readable", sized(t, 1<<10, 1<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(tree(t, map[string][]byte{c.file: c.data}), c.file)
			if filepath.Ext(path) == ".png" {
				path = filepath.Dir(path)
			}
			readertest.Refuses(t, c.want, 32<<20, func() error { _, err := Load(path, Options{}); return err })
		})
	}
}
