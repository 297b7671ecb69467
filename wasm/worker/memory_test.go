//go:build !js

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"tweedie/wasm/internal/workerd"
)

// isolate is the memory that Cloudflare gives an isolate, for JavaScript's heap and
// the memories of its programs.
const isolate = 128 << 20

// census is what testdata/census.js tells: the bytes of programs' memories that V8 has
// not collected, now and at the most, and how many programs there were.
type census struct{ Now, Most, Programs int }

// TestMemory draws the largest sheets of both models and has 20 clients ask at once,
// and holds to an isolate's memory what V8 counts of programs, and by how much the
// process grows from when it has the Worker loaded: that is JavaScript's heap, kept
// weights, programs that have ended but are not collected yet, and also, though it is
// not of the isolate's share, the code that the runtime makes of the program.
func TestMemory(t *testing.T) {
	if os.Getenv("TWEEDIE_WORKERD") == "" {
		t.Skip("TWEEDIE_WORKERD names no folder: make test sets it")
	}
	w, err := start(workerd.Options{Entry: "testdata/census.js"}) // of its own: memory that others have used is not of this test
	if err != nil {
		t.Fatal(err)
	}
	count := func() (c census) {
		t.Helper()
		if err := json.Unmarshal(w.as(t, "").get("/-/memory").body, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	count()
	idle := memory(t, w.Process(), "VmRSS")
	programs := 0
	for _, load := range []struct {
		name     string
		run      func()
		programs int // that it starts
	}{
		{"the models", func() { draw(t, w, "/api/models") }, 1},
		{"16 digits", func() { draw(t, w, "/api/sample.png?n=16&steps=3&scale=20") }, 1},
		{"16 of the network of 2019", func() { draw(t, w, "/api/sample.png?model=ncsn&n=16&sampler=ddim&steps=3&scale=20") }, 1},
		{"16 digits, guided by a classifier", func() { draw(t, w, "/api/sample.png?n=16&steps=3&classifier_guidance=2&scale=20") }, 1},
		{"20 at once", func() {
			atOnce(t, w, "/api/sample.png?seed=%d&steps=2&n=2", "/api/sample.png?seed=%d&model=ncsn&sampler=ddim&steps=3", "/s/class=3&seed=7", "/api/stream?steps=2&n=4&seed=%d")
		}, 20},
	} {
		load.run()
		c, grown := count(), memory(t, w.Process(), "VmHWM")-idle
		t.Logf("%s: programs %d MB, at the most %d; the process has grown by %d MB at the most, from %d", load.name, c.Now>>20, c.Most>>20, grown>>20, idle>>20)
		if programs += load.programs; c.Programs != programs || c.Most < 7<<20 {
			t.Errorf("%s: the census has %+v, need %d programs", load.name, c, programs)
		}
		if c.Most >= isolate || grown >= isolate {
			t.Errorf("%s: programs took %d MB, the process %d MB more than idle, need less than 128", load.name, c.Most>>20, grown>>20)
		}
	}
}

func draw(t *testing.T, w worker, path string) {
	t.Helper()
	if a := w.as(t, "10.1.1.1").get(path); a.status != 200 {
		t.Fatalf("%s: status %d, %s", path, a.status, a.body)
	}
}

// memory returns a line of /proc/PID/status, in bytes.
func memory(t testing.TB, pid int, name string) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("this system does not tell the memory of a process: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), name+":")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(kb)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
