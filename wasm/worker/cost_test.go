//go:build !js

package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkRequest measures what a request costs: a picture found without a program, a
// program that only answers, and pictures of one evaluation and of eleven. cpu-ms is
// processor time of the whole runtime; the others are parts of the answer, by the
// Worker's own Server-Timing, whose clock counts whole milliseconds: of some hundred
// requests the mean is good to a tenth of one.
func BenchmarkRequest(b *testing.B) {
	w := open(b)
	seed := 0
	ask := func(path string) answer {
		seed++
		if strings.Contains(path, "%d") {
			path = fmt.Sprintf(path, 1000+seed)
		}
		a := w.as(b, fmt.Sprintf("10.2.%d.%d", seed/250, seed%250)).get(path)
		if a.status != 200 {
			b.Fatalf("%s: status %d, %s", path, a.status, a.body)
		}
		return a
	}
	kept := ask("/api/sample.png?steps=1").header.Get("Content-Location")
	for _, c := range []struct{ name, path string }{
		{"found", kept},
		{"start", "/api/models"},
		{"steps=1", "/api/sample.png?guidance=1&steps=1&seed=%d"},
		{"steps=11", "/api/sample.png?guidance=1&steps=11&seed=%d"},
	} {
		b.Run(c.name, func(b *testing.B) {
			total := map[string]float64{}
			before := processor(b, w.Process())
			for b.Loop() {
				for name, ms := range partsOf(b, ask(c.path)) {
					total[name] += ms
				}
			}
			b.ReportMetric(float64((processor(b, w.Process())-before).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
			for name, ms := range total {
				b.ReportMetric(ms/float64(b.N), name+"-ms/op")
			}
		})
	}
}

var metric = regexp.MustCompile(`^([a-z]+);dur=([0-9.e-]+)(?:;desc="[^"]*")?$`)

// partsOf returns the milliseconds of each part that an answer's Server-Timing names.
func partsOf(t testing.TB, a answer) map[string]float64 {
	t.Helper()
	parts := map[string]float64{}
	for one := range strings.SplitSeq(a.header.Get("Server-Timing"), ", ") {
		if one == "" {
			continue
		}
		found := metric.FindStringSubmatch(one)
		if found == nil {
			t.Fatalf("Server-Timing is %q", a.header.Get("Server-Timing"))
		}
		ms, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		parts[found[1]] = ms
	}
	return parts
}

// TestTiming: an answer says what its parts took, that of a kept picture nothing.
func TestTiming(t *testing.T) {
	c := open(t).as(t, "10.0.0.7")
	drawn := c.get("/api/sample.png?seed=61&steps=3&n=2")
	parts := partsOf(t, drawn)
	for _, name := range []string{"turn", "start", "copy", "unpack", "evaluate", "encode"} {
		if _, ok := parts[name]; !ok || len(parts) != 6 {
			t.Errorf("no part %q, or more than six, in %v", name, parts)
		}
	}
	if !strings.Contains(drawn.header.Get("Server-Timing"), `"6 evaluations"`) {
		t.Errorf("Server-Timing is %q", drawn.header.Get("Server-Timing"))
	}
	if a := c.get(drawn.header.Get("Content-Location")); a.header.Get("Cache-Status") != "tweedie; hit" || len(partsOf(t, a)) != 0 {
		t.Errorf("a kept picture: %v", a.header)
	}
	if parts := partsOf(t, c.get("/api/models")); len(parts) != 2 {
		t.Errorf("an answer without a picture: %v", parts)
	}
	if stream := string(c.get("/api/stream?seed=62&steps=2").body); !strings.Contains(stream, `"timing":[{"name":"copy","ms":`) {
		t.Errorf("the stream ends in %q", stream[max(0, len(stream)-300):])
	}
}

// processor returns the time that a process has computed: fields 14 and 15 of
// /proc/PID/stat, in hundredths of a second.
func processor(t testing.TB, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("this system does not tell the time of a process: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // after the name, field 3 comes first
	fields := strings.Fields(rest)
	user, userErr := strconv.Atoi(fields[11])
	system, systemErr := strconv.Atoi(fields[12])
	if userErr != nil || systemErr != nil {
		t.Fatalf("found %q, need numbers", fields)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
