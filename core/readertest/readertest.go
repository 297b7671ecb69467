// Package readertest checks what readers do with hostile input: they must refuse it in few
// words, and neither allocate nor read more than a bound. Work is counted, never timed, so
// that the tests pass on any machine.
package readertest

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// MaxError is the largest length of an error message, in bytes.
const MaxError = 64 << 10

// Refuses fails the test unless read returns an error that contains want, is no longer than
// MaxError, and allocates at most limit bytes in all. No other test may run meanwhile.
func Refuses(t testing.TB, want string, limit uint64, read func() error) {
	t.Helper()
	if err := Bounded(t, limit, read); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > MaxError {
		t.Errorf("got error %.400v, want one that contains %q and has at most %d bytes", err, want, MaxError)
	}
}

// Bounded fails the test if read allocates more than limit bytes in all. It returns read's error.
func Bounded(t testing.TB, limit uint64, read func() error) error {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := read()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("allocated %d bytes, want at most %d", n, limit)
	}
	return err
}

// File returns a file that fails the test, and returns errors from then on, when more than
// limit bytes have been read from it, the same ones again included.
func File(t testing.TB, data []byte, limit int) io.ReaderAt {
	return &file{t, bytes.NewReader(data), limit}
}

type file struct {
	t    testing.TB
	of   *bytes.Reader
	left int // bytes that may still be read
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	if f.left < 0 {
		return 0, fmt.Errorf("readertest: read too often")
	}
	n, err := f.of.ReadAt(p, at)
	if f.left -= n; f.left < 0 {
		f.t.Errorf("more was read of a file of %d bytes than it should be", f.of.Size())
	}
	return n, err
}
