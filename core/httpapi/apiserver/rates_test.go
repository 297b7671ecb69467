//go:build !js

package apiserver

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Concurrent first requests of a client share one bucket.
func TestParallelRequestsShareABucket(t *testing.T) {
	for range 50 {
		l := newRates(1)
		var allowed atomic.Int32
		var wait sync.WaitGroup
		start := make(chan struct{})
		for range 16 {
			wait.Go(func() {
				<-start
				if l.wait("client") == 0 {
					allowed.Add(1)
				}
			})
		}
		close(start)
		wait.Wait()
		if got := allowed.Load(); got != 1 {
			t.Fatalf("%d requests passed, want 1", got)
		}
	}
}
