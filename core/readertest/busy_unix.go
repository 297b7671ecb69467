//go:build unix

package readertest

import (
	"syscall"
	"time"
)

// busy returns the processor time that the process has taken.
func busy() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
