package settings

import (
	"fmt"
	"strconv"
)

// FieldError says that a setting has a value that cannot be used.
type FieldError struct {
	Field string // name of the setting, such as "steps"
	Got   string // the value, texts in quotes; empty where the name itself is at fault
	Want  string // what completes "Field must be …", such as "a whole number from 1 to 10000"
	Err   error  // what it wraps, or nil
}

// Error returns a sentence such as "steps must be a whole number from 1 to 10000 (got 0)".
func (e *FieldError) Error() string {
	text := e.Field + " must be " + e.Want
	if e.Got != "" {
		text += " (got " + e.Got + ")"
	}
	return text
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// Raw is a value that an error shows as it is, such as JSON.
type Raw []byte

// Errorf returns a *FieldError for a field with the value got: a number, a text or a Raw. The rest says what is allowed, as in FieldError.Want.
func Errorf(field string, got any, format string, args ...any) error {
	return &FieldError{Field: field, Got: show(got), Want: fmt.Sprintf(format, args...)}
}

// Unknown returns a *FieldError for a name that is none of the known ones.
func Unknown(name string, known []string) error {
	return &FieldError{Field: clip(name), Want: "left out: there is no such setting; the settings are " + List(known, "and")}
}

// show writes a value for an error: texts from outside in quotes, and shortened.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(clip(v))
	case Raw:
		return clip(string(v))
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// clip shortens text from outside.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
