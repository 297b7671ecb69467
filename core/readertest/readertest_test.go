package readertest

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// recorder notes the failures of a test.
type recorder struct {
	testing.TB
	failed int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed++ }

var kept []byte

// TestRefuses: what is quick, small and refused in the right words passes, and nothing else.
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
		{"at length", 1, func() error { return fmt.Errorf("%w: %0100000d", refused, 0) }},
		{"large", 1, func() error { kept = make([]byte, 2<<20); return refused }},
		{"waiting", 0, func() error { time.Sleep(Second + Second/10); return refused }},
		{"busy", 1, func() error {
			for began := busy(); busy()-began < Second+Second/10; {
			}
			return refused
		}},
	} {
		r := &recorder{TB: t}
		Refuses(r, "too large", 1<<20, tt.read)
		if r.failed != tt.want {
			t.Errorf("%s: %d failures, want %d", tt.name, r.failed, tt.want)
		}
	}
}
