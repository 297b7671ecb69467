// Package readertest is what the tests of readers have in common: it measures what they
// make of bytes that are there to harm.
package readertest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Second is how long a reader may be busy with such bytes.
const Second = time.Second

// Text is how many bytes an error may be, which people are to read.
const Text = 64 << 10

// Refuses fails a test unless read returns an error that says want in at most Text, is not
// busy for more than a Second, and allocates no more than so many bytes in all. Time is the process's
// own, of all its threads: no other test runs meanwhile, and how busy the machine is does
// not count.
func Refuses(t testing.TB, want string, bytes uint64, read func() error) {
	t.Helper()
	if err := Bounded(t, bytes, read); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > Text {
		t.Errorf("got error %.400v, want one with %q in at most %d bytes", err, want, Text)
	}
}

// Bounded is Refuses for what read may also take; it returns read's error.
func Bounded(t testing.TB, bytes uint64, read func() error) error {
	t.Helper()
	runtime.GC() // of what was before
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := busy()
	err := read()
	took := busy() - began
	runtime.ReadMemStats(&after)
	if took > Second {
		t.Errorf("was busy for %v, need at most %v", took, Second)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > bytes {
		t.Errorf("allocated %d bytes, need at most %d", n, bytes)
	}
	return err
}
