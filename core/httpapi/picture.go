package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"tweedie/core/engine"
)

// picture answers with the sheet of an experiment.
func (s *Service) picture(w http.ResponseWriter, r *http.Request) error {
	x, err := s.asked(r)
	if err != nil {
		return err
	}
	d, err := s.draw(r.Context(), x, nil)
	if err != nil {
		return err
	}
	h := w.Header()
	for name, values := range x.header() {
		h[name] = values
	}
	h.Set("Cache-Status", d.status())
	if took := d.timing.header(); took != "" {
		h.Set("Server-Timing", took)
	}
	cache := checked // another model may take the place of this one
	if x.fixed {
		cache = immutable
	}
	send(w, r, d.png, pngType, cache)
	return nil
}

const pngType = "image/png"

// drawn is a picture and where it comes from.
type drawn struct {
	png    []byte
	kept   bool
	timing Timing
}

// status is the value of Cache-Status: RFC 9211.
func (d drawn) status() string {
	if d.kept {
		return "tweedie; hit"
	}
	return "tweedie; fwd=miss; stored"
}

// header returns the headers that a picture of x has, wherever it is served from.
func (x *experiment) header() http.Header {
	h := http.Header{}
	harmless(h)
	h.Set("Content-Location", x.address())
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'") // a browser shows it in a page of its own
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")                             // for previews on other sites
	return h
}

// draw returns the experiment's picture, kept or drawn now. While it draws, onFrame, if
// not nil, is called after every evaluation of all images.
func (s *Service) draw(ctx context.Context, x *experiment, onFrame func(engine.Frame)) (drawn, error) {
	if kept := s.Host.Kept(ctx, x.address()); kept != nil {
		return drawn{png: kept, kept: true}, nil
	}
	var t Timing
	e, end, err := s.Host.Engine(ctx, x.model, &t)
	if err != nil {
		return drawn{}, err
	}
	defer end()
	if kept := s.Host.Kept(ctx, x.address()); kept != nil { // meanwhile, by a request that waited before
		return drawn{kept, true, t}, nil
	}
	pixels, err := s.sample(ctx, e, x, &t, onFrame)
	if err != nil {
		return drawn{}, err
	}
	began := time.Now()
	png, err := x.sheet().png(pixels)
	if err != nil {
		return drawn{}, err
	}
	t.Took(partEncode, time.Since(began))
	h := x.header()
	h.Set("Content-Type", pngType)
	h.Set("Cache-Control", immutable)
	h.Set("ETag", etag(png))
	s.Host.Keep(ctx, x.address(), png, h)
	return drawn{png, false, t}, nil
}

// sample draws the images of x, [N,H,W,C], and yields after every evaluation of all of
// them, until ctx is done or the work exceeds its limit.
func (s *Service) sample(ctx context.Context, e *engine.Engine, x *experiment, t *Timing, onFrame func(engine.Frame)) ([]uint8, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var work float64
	var over error
	var evaluations int
	var away time.Duration // in the calls between evaluations
	began := time.Now()
	result, err := e.Sample(ctx, x.plan.Request, func(f engine.Frame) {
		left := time.Now()
		defer func() { away += time.Since(left) }()
		evaluations += f.X.Shape[0]
		work += float64(f.X.Shape[0]) * x.model.Info.WorkAt(x.plan, f.Sigma)
		if over = s.afford(work); over != nil {
			cancel(errWork)
			return
		}
		if onFrame != nil {
			onFrame(f)
		}
		s.Host.Yield()
	})
	if errors.Is(err, errWork) {
		return nil, over
	}
	t.add(partEvaluate, strconv.Itoa(evaluations)+" evaluations", time.Since(began)-away)
	return result.Pixels, err
}
