//go:build !js

package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"tweedie/core/minijson"
)

// TestStream reads the events of a run; its picture is that of the other route.
func TestStream(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/stream?seed=8&steps=3&n=2&class=none")
	if w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	var names []string
	var last string
	for event := range strings.SplitSeq(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("not an event: %q", event)
		}
		names, last = append(names, name), data
	}
	if got := strings.Join(names, " "); got != "start step step step done" {
		t.Errorf("events %s", got)
	}
	var done struct {
		URL   string `json:"url"`
		Image string `json:"image"`

		Timing []struct {
			Name  string  `json:"name"`
			MS    float64 `json:"ms"`
			About string  `json:"about"`
		} `json:"timing"`
	}
	if err := minijson.Unmarshal([]byte(last), &done); err != nil {
		t.Fatal(err)
	}
	if len(done.Timing) != 3 || done.Timing[1].Name != "evaluate" || done.Timing[1].About != "6 evaluations" || !(done.Timing[1].MS > 0) {
		t.Errorf("timing %+v", done.Timing)
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(done.Image, "data:image/png;base64,"))
	if err != nil || !bytes.Equal(data, h.kept[done.URL]) || !bytes.Equal(data, h.get(done.URL).Body.Bytes()) || h.runs != 1 {
		t.Errorf("%v; the picture of %s is another than the stream's; %d runs", err, done.URL, h.runs)
	}
	again := h.get("/api/stream?seed=8&steps=3&n=2&class=none").Body.String()
	if strings.Contains(again, "event: step") || !strings.Contains(again, done.Image) {
		t.Errorf("a stream of what is kept: %.200s", again)
	}
}
