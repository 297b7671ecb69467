package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"

	"tweedie/weights"
)

// codings are the content codings of the compressed copies of a file, the smallest first,
// with the suffixes of their names.
var codings = []struct {
	name, suffix string
	compress     func(ctx context.Context, data []byte) ([]byte, error)
}{
	{"br", ".br", brotliOf},
	{"gzip", ".gz", gzipOf},
}

// compressible reports whether a file may get smaller with compression and is sent to browsers.
func compressible(name string) bool {
	switch path.Ext(name) {
	case ".html", ".js", ".ts", ".css", ".json", ".md", ".txt", ".svg", ".wasm", ".ico", ".webmanifest":
		return name != "build.json"
	}
	return false
}

// brotliSettings names the compressor and its settings, which with the data determine the
// compressed bytes. It is part of the names in the cache.
const brotliSettings = "github.com/andybalholm/brotli v1.3.0, level 11"

// minCached is the size from which files are cached: smaller ones compress in no time.
const minCached = 64 << 10

// maxCacheAge is how long a compressed file that no build uses stays in the cache.
const maxCacheAge = 30 * 24 * time.Hour

// brotliOf returns data as brotli at its best level, which takes half a minute for the
// page's programs. So compressed files are kept in the cache folder of the user, under a
// hash of data and settings. It returns the cause of ctx as soon as ctx ends.
func brotliOf(ctx context.Context, data []byte) ([]byte, error) {
	if len(data) < minCached {
		return brotliAnew(ctx, data)
	}
	file := cacheFile(data)
	if packed, err := os.ReadFile(file); err == nil && unpacksTo(packed, data) {
		now := time.Now()
		os.Chtimes(file, now, now) // it is in use; the build does not depend on it
		return packed, nil
	}
	packed, err := brotliAnew(ctx, data)
	if err == nil {
		keepInCache(file, packed)
	}
	return packed, err
}

// brotliAnew is brotliOf without the cache.
func brotliAnew(ctx context.Context, data []byte) ([]byte, error) {
	var b bytes.Buffer
	done := make(chan error, 1)
	go func() {
		w := brotli.NewWriterLevel(&b, brotli.BestCompression)
		for rest := data; len(rest) > 0 && ctx.Err() == nil; {
			n, err := w.Write(rest[:min(len(rest), 1<<16)])
			if err != nil {
				done <- err
				return
			}
			rest = rest[n:]
		}
		if ctx.Err() == nil {
			done <- w.Close()
		}
	}()
	select {
	case err := <-done:
		return b.Bytes(), err
	case <-ctx.Done(): // the goroutine ends with its part
		return nil, context.Cause(ctx)
	}
}

// unpacksTo reports whether packed is data compressed with brotli.
func unpacksTo(packed, data []byte) bool {
	got, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(packed)), int64(len(data))+1))
	return err == nil && bytes.Equal(got, data)
}

// gzipOf returns data as gzip at its best level, without a time or a name.
func gzipOf(_ context.Context, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// cacheFile returns where the compressed form of data is kept, or "" if the user has no
// cache folder.
func cacheFile(data []byte) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	name := sha256.Sum256([]byte(brotliSettings + "\n" + hex.EncodeToString(sum[:])))
	return filepath.Join(dir, "tweedie", "brotli", hex.EncodeToString(name[:])+".br")
}

// keepInCache writes a compressed file to the cache and removes those that were not used
// for long. A build does not need the cache, so that errors are ignored.
func keepInCache(file string, packed []byte) {
	dir := filepath.Dir(file)
	if file == "" || os.MkdirAll(dir, 0o777) != nil {
		return
	}
	weights.WriteAtomic(file, packed)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > maxCacheAge {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
