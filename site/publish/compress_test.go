package publish

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// letters returns text that brotli compresses slowly.
func letters(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = "acgt"[rng.IntN(4)]
	}
	return text
}

// TestBuildStopsWhileCompressing: a build that is stopped while it compresses a file ends
// with the cause, and the old site stays as it was.
func TestBuildStopsWhileCompressing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	out := toySite(t)
	before := read(t, out, "tweedie.wasm")
	page := toyPage(t)
	if err := os.WriteFile(filepath.Join(page, "tweedie.wasm"), letters(40<<20), 0o666); err != nil { // minutes of work
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	done, cause := make(chan error), errors.New("Ctrl-C")
	go func() {
		_, err := Build(ctx, Options{Page: page, Models: []string{toyModel(t, "toy", 1)}, Out: out})
		done <- err
	}()
	for written := int64(0); written < 40<<20; { // wait for the file that is compressed then
		if found, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".dist-*", "tweedie.wasm")); len(found) == 1 {
			if info, err := os.Stat(found[0]); err == nil {
				written = info.Size()
			}
		}
		time.Sleep(time.Millisecond)
	}
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	if read(t, out, "tweedie.wasm") != before {
		t.Error("the old site has changed")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".dist-*")); len(left) != 0 {
		t.Errorf("left %v behind", left)
	}
}

// TestBrotliCache: the compressed form of the same data is taken from the cache, if it is
// complete.
func TestBrotliCache(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	data := letters(minCached)
	compress := func() []byte {
		t.Helper()
		packed, err := brotliOf(t.Context(), data)
		if err != nil || !unpacksTo(packed, data) {
			t.Fatalf("got %d bytes that do not unpack, %v", len(packed), err)
		}
		return packed
	}
	fresh := compress()
	file := cacheFile(data)
	if cached, err := os.ReadFile(file); err != nil || !bytes.Equal(cached, fresh) {
		t.Errorf("cached %d bytes, %v; want the %d of the build", len(cached), err, len(fresh))
	}
	var other bytes.Buffer
	w := brotli.NewWriterLevel(&other, 0)
	w.Write(data)
	w.Close()
	for name, c := range map[string]struct{ cached, want []byte }{
		"good":    {other.Bytes(), other.Bytes()},
		"cut":     {fresh[:len(fresh)/2], fresh},
		"empty":   {nil, fresh},
		"garbage": {[]byte("garbage"), fresh},
	} {
		if err := os.WriteFile(file, c.cached, 0o666); err != nil {
			t.Fatal(err)
		}
		if got := compress(); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(c.want))
		}
	}
	old := filepath.Join(filepath.Dir(file), "old.br")
	os.WriteFile(old, nil, 0o666)
	long := time.Now().Add(-2 * maxCacheAge)
	os.Chtimes(old, long, long)
	os.Remove(file)
	compress()
	if _, err := os.Stat(old); err == nil {
		t.Error("a file that was not used for long is still in the cache")
	}
}

// TestCompressWithoutCache: a user without a cache folder gets the same bytes.
func TestCompressWithoutCache(t *testing.T) {
	data := letters(minCached)
	want, err := brotliAnew(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "relative", filepath.Join(os.DevNull, "x")} {
		t.Setenv("XDG_CACHE_HOME", dir)
		t.Setenv("HOME", "")
		if got, err := brotliOf(t.Context(), data); err != nil || !bytes.Equal(got, want) {
			t.Errorf("cache folder %q: got %d bytes, %v; want %d", dir, len(got), err, len(want))
		}
	}
}

// TestBrotliInParts: data that is written in parts compresses to the same bytes as at once.
func TestBrotliInParts(t *testing.T) {
	data := letters(300 << 10) // more than one block
	var whole bytes.Buffer
	w := brotli.NewWriterLevel(&whole, brotli.BestCompression)
	w.Write(data)
	w.Close()
	if got, err := brotliAnew(t.Context(), data); err != nil || !bytes.Equal(got, whole.Bytes()) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, whole.Len())
	}
}

// TestBrotliSettings: the version in the names of the cache is that of go.mod.
func TestBrotliSettings(t *testing.T) {
	mod := read(t, "..", "..", "go.mod")
	if module, _, _ := strings.Cut(brotliSettings, ","); !strings.Contains(mod, "\t"+module+"\n") {
		t.Errorf("brotliSettings is of %q, which is not the version in go.mod", module)
	}
}

func TestGzip(t *testing.T) {
	data := letters(10000)
	packed, err := gzipOf(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("unpacked %d bytes, %v; want %d", len(got), err, len(data))
	}
	if again, _ := gzipOf(t.Context(), data); !bytes.Equal(again, packed) || len(packed) >= len(data) {
		t.Errorf("%d bytes, and %d the second time", len(packed), len(again))
	}
}
