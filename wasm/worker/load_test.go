//go:build !js

package main_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHitsEqualMisses: a picture has the same bytes and tag when it is drawn, found in
// the cache without a program or by one, found in the bucket, and drawn again.
func TestHitsEqualMisses(t *testing.T) {
	w := open(t)
	c := w.as(t, "10.0.0.5")
	w.Forget(true, true)
	const path = "/api/sample.png?seed=41&steps=2&n=2&class=8"
	first := c.get(path)
	place := first.header.Get("Content-Location")
	if first.status != 200 || first.header.Get("Cache-Status") != "tweedie; fwd=miss; stored" || !strings.Contains(place, "&v=") {
		t.Fatalf("first: status %d, %v", first.status, first.header)
	}
	// settled waits for what the Worker does when it has answered.
	settled := func(name string, wantCached, wantStored int) {
		t.Helper()
		cached, stored := w.Kept("class=8&")
		for try := 0; (cached != wantCached || stored != wantStored) && try < 12_000; try++ { // a minute and more
			time.Sleep(5 * time.Millisecond)
			cached, stored = w.Kept("class=8&")
		}
		if cached != wantCached || stored != wantStored {
			t.Errorf("%s: %d pictures in the cache and %d in the bucket, want %d and %d", name, cached, stored, wantCached, wantStored)
		}
	}
	settled("first", 1, 1)
	for _, again := range []struct {
		name, path, status string
		program            bool // is started for it
		before             func()
		stored             int // in the bucket, after it
	}{
		{"by its address", place, "tweedie; hit", false, func() {}, 1},
		{"by other words", path, "tweedie; hit", true, func() {}, 1},
		{"in the bucket", place, "tweedie; hit", false, func() { w.Forget(true, false) }, 1},
		{"from the bucket in the cache", place, "tweedie; hit", false, func() { w.Forget(false, true) }, 0},
		{"drawn again", path, "tweedie; fwd=miss; stored", true, func() { w.Forget(true, true) }, 1},
		{"in the bucket, by other words", path, "tweedie; hit", true, func() { w.Forget(true, false) }, 1},
		{"in the cache alone", place, "tweedie; hit", false, func() { w.Forget(false, true) }, 0},
		{"nowhere", place, "tweedie; fwd=miss; stored", true, func() { w.Forget(true, true) }, 1},
	} {
		again.before()
		a := c.get(again.path)
		if a.status != 200 || !bytes.Equal(a.body, first.body) || a.header.Get("Cache-Status") != again.status {
			t.Errorf("%s: status %d, %q, %d bytes of %d", again.name, a.status, a.header.Get("Cache-Status"), len(a.body), len(first.body))
		}
		if _, started := partsOf(t, a)["start"]; started != again.program {
			t.Errorf("%s: a program was started: %v, need %v", again.name, started, again.program)
		}
		settled(again.name, 1, again.stored)
		cache := "no-cache"
		if again.path == place { // it names the version
			cache = immutable
		}
		if got := a.header.Get("Cache-Control"); got != cache {
			t.Errorf("%s: Cache-Control is %q, want %q", again.name, got, cache)
		}
		for _, name := range []string{"ETag", "Content-Type", "Content-Location", "Cross-Origin-Resource-Policy", "X-Content-Type-Options"} {
			if a.header.Get(name) != first.header.Get(name) {
				t.Errorf("%s: %s is %q, was %q", again.name, name, a.header.Get(name), first.header.Get(name))
			}
		}
	}
}

// TestConcurrency has 20 clients ask at once, each for another picture.
func TestConcurrency(t *testing.T) {
	w := open(t)
	for i, a := range atOnce(t, w, "/api/sample.png?seed=%d&steps=2&n=2") {
		want := drawn(t, fmt.Sprintf(`{"seed": %d, "steps": 2, "n": 2}`, i))
		if got := pixelsOf(t, a.body, want.Shape); !bytes.Equal(got, want.Pixels) {
			t.Errorf("client %d has another's pixels, or wrong ones", i)
		}
	}
}

// atOnce has 20 clients ask at once, for paths in turn, in which %d is their number.
func atOnce(t *testing.T, w worker, paths ...string) []answer {
	t.Helper()
	const clients = 20
	answers, errs := make([]answer, clients), make([]error, clients)
	var wait sync.WaitGroup
	for i := range clients {
		path := paths[i%len(paths)]
		if strings.Contains(path, "%d") {
			path = fmt.Sprintf(path, i)
		}
		wait.Go(func() { answers[i], errs[i] = w.as(t, fmt.Sprintf("10.1.0.%d", i)).try("GET", path) })
	}
	wait.Wait()
	for i, a := range answers {
		if errs[i] != nil || a.status != 200 {
			t.Fatalf("client %d: %v, status %d, %s", i, errs[i], a.status, a.body)
		}
	}
	return answers
}

// leave asks for a path and goes after a moment, without an end of the connection: as
// a client whose network is gone, or whose proxy knows that it has gone.
func leave(t testing.TB, w worker, path, address string, after time.Duration) {
	t.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	connection.(*net.TCPConn).SetLinger(0)
	defer connection.Close()
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nCF-Connecting-IP: %s\r\n\r\n", path, u.Host, address)
	time.Sleep(after)
}

// TestClientLeaves: a run ends when its client goes, be it that it waits for a picture
// or reads previews, and those who wait behind it come in.
func TestClientLeaves(t *testing.T) {
	w := open(t)
	for i, route := range []string{"/api/sample.png", "/api/stream"} {
		address := fmt.Sprintf("10.0.1.%d", i)
		stopped := func() int { return strings.Count(w.log.String(), "for the client has gone: "+route) }
		before := stopped()
		// On a busy machine the client may have gone before the run began: then longer.
		for after := 500 * time.Millisecond; stopped() == before && after < 2*time.Minute; after *= 2 {
			leave(t, w, fmt.Sprintf("%s?n=16&seed=%d", route, after), address, after) // 320 evaluations: many seconds
			if a := w.as(t, address).get(fmt.Sprintf("/api/sample.png?steps=1&seed=%d", after)); a.status != 200 {
				t.Errorf("%s: the next client: status %d, %s", route, a.status, a.body)
			}
		}
		if stopped() == before {
			t.Errorf("%s: no run has ended early", route)
		}
	}
	if strings.Contains(w.log.String(), "panic") {
		t.Error("a program has broken down")
	}
}

// TestWaitingClientLeaves: those that go while they wait for their turn hold up nobody,
// and do not fill the room for those who wait.
func TestWaitingClientLeaves(t *testing.T) {
	w := open(t)
	var wait sync.WaitGroup
	wait.Go(func() { w.as(t, "10.0.1.8").try("GET", "/api/sample.png?n=16&seed=52") })
	time.Sleep(200 * time.Millisecond) // until it has its turn, or nearly
	for i := range 70 {
		wait.Go(func() {
			leave(t, w, "/api/sample.png?n=16&seed=53", fmt.Sprintf("10.0.9.%d", i), time.Second)
		})
	}
	wait.Wait()
	a := w.as(t, "10.0.1.10").get("/api/sample.png?steps=1&seed=54")
	for try := 0; a.status == 503 && try < 300; try++ { // until they are forgotten
		time.Sleep(time.Second)
		a = w.as(t, "10.0.1.10").get("/api/sample.png?steps=1&seed=54")
	}
	if a.status != 200 {
		t.Errorf("status %d, %s", a.status, a.body)
	}
}

// TestRateLimit: a client that asks too often has to wait, others have not.
func TestRateLimit(t *testing.T) {
	w := open(t)
	greedy := w.as(t, "2001:db8:1:2::7")
	taken := 0
	a := greedy.get("/api/sample.png?steps=0")
	for ; a.status == 400 && taken < 1000; a = greedy.get("/api/sample.png?steps=0") {
		taken++
		greedy.address = fmt.Sprintf("2001:db8:1:2:a:b:c:%d", taken%8) // the same network
	}
	if taken < 60 || taken == 1000 { // the bucket fills meanwhile
		t.Errorf("took %d requests, want 60 and soon no more", taken)
	}
	p := problemOf(t, a)
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); p.Status != 429 || err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("got %+v, Retry-After %q", p, a.header.Get("Retry-After"))
	}
	if a := greedy.get("/api/models"); a.status != 200 {
		t.Errorf("what computes nothing: status %d", a.status)
	}
	if a := w.as(t, "2001:db8:1:3::7").get("/api/sample.png?steps=0"); a.status != 400 {
		t.Errorf("another client: status %d", a.status)
	}
}

// budget is the most bytes of the Worker's modules, a quarter of the 64 MiB that Cloudflare
// takes on every plan since 4 September 2026: each isolate compiles them at its start.
const budget = 16 << 20

// TestSize adds up the Worker's modules.
func TestSize(t *testing.T) {
	if os.Getenv("TWEEDIE_WORKERD") == "" {
		t.Skip("TWEEDIE_WORKERD names no folder: make test sets it")
	}
	names, err := filepath.Glob("../../bin/worker/build/*")
	if err != nil || len(names) < 5 {
		t.Fatalf("found the modules %v, %v", names, err)
	}
	total := 0
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += int(info.Size())
	}
	t.Logf("%d bytes of %d", total, budget)
	if total > budget {
		t.Errorf("the Worker must have at most %d bytes (got %d)", budget, total)
	}
}
