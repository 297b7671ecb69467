package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"tweedie/core/minijson"
	"tweedie/core/settings"
)

// Problem is an error as a client reads it: the problem details of RFC 9457, of type
// about:blank, with members that a program can use.
type Problem struct {
	Title     string `json:"title"` // the status in words, set when it is written
	Status    int    `json:"status"`
	Detail    string `json:"detail"`              // what must hold, and what was got
	Parameter string `json:"parameter,omitempty"` // at fault, of the query or the body
	Limit     *Limit `json:"limit,omitempty"`     // that the request would exceed
	Retry     int    `json:"-"`                   // seconds after which to retry; 0 means that it is no use
}

// Limit is a bound of the service.
type Limit struct {
	Name  string  `json:"name"`
	Found float64 `json:"found"`
	Most  float64 `json:"most"`
}

func (p *Problem) Error() string { return "httpapi: " + p.Detail }

// named returns p with its title, in valid UTF-8: parameters come from outside.
func (p *Problem) named() Problem {
	out := *p
	out.Title = http.StatusText(p.Status)
	out.Detail, out.Parameter = strings.ToValidUTF8(p.Detail, "\uFFFD"), strings.ToValidUTF8(p.Parameter, "\uFFFD")
	return out
}

// Write answers w with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	body, err := minijson.Marshal(p.named())
	if err != nil {
		body = []byte(`{"title":"Internal Server Error","status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.Retry))
	}
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n'))
}

// problemOf returns err as a client may see it. An error that is not a Problem is a
// failure of the service.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, ErrBusy), errors.Is(err, ErrEnding):
		return &Problem{Status: http.StatusServiceUnavailable, Detail: err.Error(), Retry: 10}
	case errors.Is(err, context.DeadlineExceeded):
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the request took too long: ask for fewer images or steps, or retry later", Retry: 10}
	}
	return &Problem{Status: http.StatusInternalServerError, Detail: err.Error()}
}

// TooMany is the problem of a client that asks more often than a host allows. It can retry
// after so many seconds.
func TooMany(perMinute, wait int) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Detail: fmt.Sprintf("rate limit exceeded: %d requests a minute; retry in %d s", perMinute, wait), Retry: wait}
}

// badRequest returns the problem of a *settings.FieldError; another error is the
// service's own.
func badRequest(err error) error {
	if field, ok := errors.AsType[*settings.FieldError](err); ok {
		return &Problem{Status: http.StatusBadRequest, Parameter: field.Field, Detail: err.Error()}
	}
	return err
}

// refuse returns the problem of a parameter with the value got: format says what it must
// be, as in settings.Errorf.
func refuse(parameter string, got any, format string, args ...any) *Problem {
	return &Problem{Status: http.StatusBadRequest, Parameter: parameter, Detail: settings.Errorf(parameter, got, format, args...).Error()}
}

// clip quotes text from outside for an error, in short where it is long.
func clip(text string) string {
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return strconv.QuoteToASCII(text)
}
