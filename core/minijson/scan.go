package minijson

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the objects and arrays of a text inside one another, maxNames the
// members of an object.
const maxDepth, maxNames = 64, 1 << 17

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int    // bytes before it
	Found  string // such as "','"
	Need   string // such as "a value"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("json: byte %d: found %s, need %s", e.Offset, e.Found, e.Need)
}

// Parse returns the value that a text holds, without the space around it: what
// Members, Elements and Text read without errors. The text must be one value
// (RFC 8259) of valid UTF-8, 64 deep at most, with no name twice in an object (RFC
// 7493) and some 2^17 in one at most. The value shares the text's memory. The error is
// a *SyntaxError.
func Parse(text []byte) (RawMessage, error) {
	s := scanner{text: text}
	if at := invalid(text); at >= 0 {
		return nil, &SyntaxError{at, "invalid UTF-8", "UTF-8"}
	}
	s.space()
	begin := s.at
	if err := s.value(1); err != nil {
		return nil, err
	}
	end := s.at
	if s.space(); s.at < len(text) {
		return nil, s.need("nothing after the value")
	}
	return text[begin:end:end], nil
}

// invalid returns where a text is not UTF-8, or -1.
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

// Depth returns how many objects and arrays of a parsed value stand inside one
// another.
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

// Members returns the names and values of a parsed object, in their order.
func Members(v RawMessage) iter.Seq2[string, RawMessage] {
	return func(yield func(string, RawMessage) bool) {
		for name, member := range parts(v, true) {
			if !yield(Text(name), member) {
				return
			}
		}
	}
}

// Elements returns the elements of a parsed array, in their order.
func Elements(v RawMessage) iter.Seq[RawMessage] {
	return func(yield func(RawMessage) bool) {
		for _, element := range parts(v, false) {
			if !yield(element) {
				return
			}
		}
	}
}

// parts returns what stands in a parsed object or array; an array has no names.
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

// Text returns the text that a parsed string means.
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

// What may follow a backslash, and what it means.
var (
	escapes = []byte(`"\/bfnrt`)
	escaped = []byte("\"\\/\b\f\n\r\t")
)

// hex returns the four hexadecimal digits that text begins with as a number, or
// -1.
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

// quoted returns the length of the parsed string that text begins with.
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
