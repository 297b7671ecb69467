package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"tweedie/core/engine"
	"tweedie/core/minijson"
)

// previews is about how many a stream sends, for any number of steps.
const previews = 50

// The events of a stream, in their order: start, step…, and done or error. An
// image is a PNG as a data URL.
type (
	startEvent struct {
		URL   string `json:"url"` // of the picture
		Steps int    `json:"steps"`
		NFE   int    `json:"nfe"` // evaluations that an image needs, of an adaptive sampler the least
	}
	stepEvent struct {
		Step  int    `json:"step"`
		Steps int    `json:"steps"`
		Image string `json:"image"` // a preview
	}
	doneEvent struct {
		URL    string `json:"url"`
		Image  string `json:"image"`
		Timing []part `json:"timing,omitempty"` // absent for a picture that was kept
	}
)

// stream answers with server-sent events: the previews of a run and its picture.
func (s *Service) stream(w http.ResponseWriter, r *http.Request) error {
	x, err := s.asked(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	events := eventWriter{w}
	if err := events.send("start", startEvent{x.address(), x.plan.Walk, x.plan.NFE}); err != nil {
		return nil // the client has gone
	}
	pictures := &previewer{sheet: x.sheet(), send: func(e stepEvent) error { return events.send("step", e) }}
	d, err := s.draw(ctx, x, pictures.frame)
	switch {
	case err != nil && !gone(ctx):
		events.send("error", problemOf(err).named())
	case err == nil:
		events.send("done", doneEvent{x.address(), dataURL(d.png), d.timing.parts})
	}
	return nil
}

// eventWriter writes server-sent events: WHATWG HTML, section 9.2.
type eventWriter struct{ to http.ResponseWriter }

// send writes and flushes one event.
func (w eventWriter) send(name string, data any) error {
	text, err := minijson.Marshal(data)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w.to, "event: %s\ndata: %s\n\n", name, text); err != nil {
		return err
	}
	if err := http.NewResponseController(w.to).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// previewer sends previews of a run.
type previewer struct {
	sheet  sheet
	send   func(stepEvent) error
	pixels []uint8 // of the whole run
	due    int     // previews that should have been sent so far
}

// frame sends a preview of f, unless the last one was just sent. If the client is gone, the
// run's context ends it.
func (p *previewer) frame(f engine.Frame) {
	pixels, err := engine.Pixels(f.Denoised)
	if err != nil {
		return // the run ends in that error
	}
	size := p.sheet.h * p.sheet.w * p.sheet.c
	if p.pixels == nil {
		p.pixels = make([]uint8, p.sheet.images*size)
	}
	copy(p.pixels[f.First*size:], pixels)
	due := previews * f.Done / f.Total
	if due == p.due {
		return
	}
	p.due = due
	if png, err := p.sheet.png(p.pixels); err == nil {
		p.send(stepEvent{f.Step, f.Steps, dataURL(png)})
	}
}

func dataURL(png []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
}
