package readertest

import (
	"errors"
	"fmt"
	"testing"
)

// recorder counts the failures of a test.
type recorder struct {
	testing.TB
	failed int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed++ }

var kept []byte

func TestRefuses(t *testing.T) {
	refused := errors.New("too large")
	for _, tt := range []struct {
		name string
		want int
		read func() error
	}{
		{"right", 0, func() error { return fmt.Errorf("x: %w", refused) }},
		{"accepted", 1, func() error { return nil }},
		{"other words", 1, func() error { return errors.New("too small") }},
		{"long message", 1, func() error { return fmt.Errorf("%w: %0100000d", refused, 0) }},
		{"large", 1, func() error { kept = make([]byte, 2<<20); return refused }},
	} {
		r := &recorder{TB: t}
		Refuses(r, "too large", 1<<20, tt.read)
		if r.failed != tt.want {
			t.Errorf("%s: %d failures, want %d", tt.name, r.failed, tt.want)
		}
	}
}

func TestFile(t *testing.T) {
	r := &recorder{TB: t}
	const size = 1000
	f, all := File(r, make([]byte, size), 3*size), make([]byte, size)
	for i := range 5 {
		n, err := f.ReadAt(all, 0)
		if i < 3 && (n != size || err != nil || r.failed != 0) {
			t.Errorf("reading %d: got %d bytes, error %v, %d failures, want %d bytes", i, n, err, r.failed, size)
		}
		if i == 4 && (err == nil || r.failed != 1) {
			t.Errorf("reading %d: got error %v, %d failures, want an error and 1 failure", i, err, r.failed)
		}
	}
}
