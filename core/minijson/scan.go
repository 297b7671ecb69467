package minijson

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth limits the nesting of objects and arrays, maxNames the members of an
// object.
const maxDepth, maxNames = 64, 1 << 17

// SyntaxError reports where a text is not valid JSON.
type SyntaxError struct {
	Offset int    // number of bytes before the error
	Got    string // such as "','"
	Want   string // such as "a value"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("json: byte %d: got %s, want %s", e.Offset, e.Got, e.Want)
}

// Parse checks that a text is one JSON value (RFC 8259) and returns the value without
// the white space around it. Members, Elements and Text read such a parsed value
// without errors. The text must be valid UTF-8, nested at most 64 levels deep, with
// unique names in each object (RFC 7493), about 2^17 at most. The value shares the
// text's memory. The error is a *SyntaxError.
func Parse(text []byte) (RawMessage, error) {
	s := scanner{text: text}
	if at := invalid(text); at >= 0 {
		return nil, &SyntaxError{at, "invalid UTF-8", "valid UTF-8"}
	}
	s.space()
	begin := s.at
	if err := s.value(1); err != nil {
		return nil, err
	}
	end := s.at
	if s.space(); s.at < len(text) {
		return nil, s.fail("nothing after the value")
	}
	return text[begin:end:end], nil
}

// invalid returns the offset of the first invalid UTF-8 in a text, or -1.
func invalid(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// Depth returns how deeply the objects and arrays of a parsed value are nested: 0 for
// a string, a number, a boolean or null.
func Depth(v RawMessage) int {
	deepest, depth := 0, 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			i += quoted(v[i:]) - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// Members returns the names and values of a parsed object, in order.
func Members(v RawMessage) iter.Seq2[string, RawMessage] {
	return func(yield func(string, RawMessage) bool) {
		for name, member := range parts(v, true) {
			if !yield(Text(name), member) {
				return
			}
		}
	}
}

// Elements returns the elements of a parsed array, in order.
func Elements(v RawMessage) iter.Seq[RawMessage] {
	return func(yield func(RawMessage) bool) {
		for _, element := range parts(v, false) {
			if !yield(element) {
				return
			}
		}
	}
}

// parts returns the names and values of a parsed object if named is true, else the
// elements of a parsed array, with empty names.
func parts(v RawMessage, named bool) iter.Seq2[RawMessage, RawMessage] {
	return func(yield func(name, value RawMessage) bool) {
		s := scanner{text: v, at: 1}
		for s.space(); s.at < len(v)-1; s.space() {
			var name RawMessage
			if named {
				name = s.skip()
				s.space()
				s.at++ // the colon
				s.space()
			}
			if !yield(name, s.skip()) {
				return
			}
			if s.space(); v[s.at] == ',' {
				s.at++
			}
		}
	}
}

// Text returns the text of a parsed string, with escapes decoded.
func Text(v RawMessage) string {
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v)
	}
	text := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' {
			text = append(text, v[i])
			continue
		}
		i++
		if v[i] != 'u' {
			text = append(text, escaped[bytes.IndexByte(escapes, v[i])])
			continue
		}
		r := hex(v[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			r = utf16.DecodeRune(r, hex(v[i+3:]))
			i += 6
		}
		text = utf8.AppendRune(text, r)
	}
	return string(text)
}

// Characters that may follow a backslash, and the characters they stand for.
var (
	escapes = []byte(`"\/bfnrt`)
	escaped = []byte("\"\\/\b\f\n\r\t")
)

// hex returns the value of the four hexadecimal digits at the start of text, or -1 if
// there are none.
func hex(text []byte) rune {
	if len(text) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(text[:4]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// quoted returns the length of the parsed string at the start of text.
func quoted(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}
