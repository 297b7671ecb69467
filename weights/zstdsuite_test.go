//go:build !js

package weights

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// suite reads an archive of the test data of github.com/klauspost/compress, which the module
// cache has.
func suite(t *testing.T, name string) map[string][]byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/klauspost/compress").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(dir)), "zstd", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return files
}

// decodeAsShard decompresses a stream as the only shard of a manifest that says size. The
// error of the shard's content, which is none of a model, is not returned.
func decodeAsShard(stream []byte, size int) ([]byte, error) {
	sum := sha256.Sum256(stream)
	s := Shard{File: "x", Bytes: len(stream), RawBytes: size, SHA256: fmt.Sprintf("%x", sum)}
	if _, err := s.decode(stream, sum); err == nil {
		return nil, fmt.Errorf("the stream is a shard")
	}
	return decompress(stream, size)
}

// TestZstdGoodStreams: streams that other encoders wrote give the bytes that they were made
// of, and nothing where the manifest expects one byte more or less.
func TestZstdGoodStreams(t *testing.T) {
	for name, least := range map[string]int{"good.zip": 11, "large.zip": 2, "decoder.zip": 94} {
		files, streams := suite(t, name), 0
		for file, stream := range files {
			if !strings.HasSuffix(file, ".zst") {
				continue
			}
			want, ok := files[strings.TrimSuffix(file, ".zst")]
			if !ok {
				continue
			}
			streams++
			if got, err := decodeAsShard(stream, len(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s: %d bytes, %v; want %d", name, file, len(got), err, len(want))
			}
			for _, size := range []int{len(want) - 1, len(want) + 1} {
				if size < 0 {
					continue
				}
				if got, err := decodeAsShard(stream, size); err == nil {
					t.Errorf("%s: %s: %d bytes where %d were expected", name, file, len(got), size)
				}
			}
		}
		if streams < least {
			t.Errorf("%s has %d streams, want at least %d", name, streams, least)
		}
	}
}

// TestZstdBadStreams: broken streams are errors, those that once crashed a decoder end in an
// error or in the bytes that were expected, and none takes more memory than decompress says.
func TestZstdBadStreams(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken bool // every stream; else the data of a fuzz test
	}{{"bad.zip", true}, {"decode-regression.zip", false}, {"regression.zip", false}, {"comp-crashers.zip", false}} {
		for file, stream := range suite(t, c.name) {
			if c.broken && !strings.HasSuffix(file, ".zst") {
				continue
			}
			for _, size := range []int{0, 1, 1 << 10, 1 << 20} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				got, err := decodeAsShard(stream, size)
				runtime.ReadMemStats(&after)
				if err == nil && (c.broken || len(got) != size) {
					t.Errorf("%s: %s: %d bytes where %d were expected, and no error", c.name, file, len(got), size)
				}
				// Twice: as a shard, and for its bytes. The decoder's own tables take less than 4 MiB.
				if most := uint64(2 * (size + 2*MaxShard + 4<<20)); after.TotalAlloc-before.TotalAlloc > most {
					t.Errorf("%s: %s: %d bytes allocated for %d, want at most %d", c.name, file, after.TotalAlloc-before.TotalAlloc, size, most)
				}
			}
		}
	}
}
