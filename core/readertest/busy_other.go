//go:build !unix

package readertest

import "time"

var started = time.Now()

// busy returns the time that has passed, where a process does not know its own.
func busy() time.Duration { return time.Since(started) }
