package minijson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads a text from start to end.
type scanner struct {
	text []byte
	at   int
}

// peek returns the next byte, or 0 at the end of the text: no JSON token starts with 0.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// fail returns the error for the next character of the text; want says what is allowed.
func (s *scanner) fail(want string) error {
	got := "the end of the text"
	if s.at < len(s.text) {
		r, _ := utf8.DecodeRune(s.text[s.at:])
		got = strconv.QuoteRune(r)
	}
	return &SyntaxError{s.at, got, want}
}

// value checks the value that starts here, nested in depth-1 others.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		if depth > maxDepth {
			return s.fail("at most " + strconv.Itoa(maxDepth) + " levels of nesting")
		}
		return s.collection(c == '{', depth)
	case c == '"':
		return s.string()
	case c == '-' || digit(c):
		return s.number()
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(s.text[s.at:], []byte(word)) {
			s.at += len(word)
			return nil
		}
	}
	return s.fail("a value")
}

// collection checks an object if named is true, else an array.
func (s *scanner) collection(named bool, depth int) error {
	end, missing := byte(']'), "',' or ']'"
	if named {
		end, missing = '}', "',' or '}'"
	}
	var names names
	s.at++
	s.space()
	for first := true; s.peek() != end; first = false {
		if !first {
			if s.peek() != ',' {
				return s.fail(missing)
			}
			s.at++
			s.space()
		}
		if named {
			if err := s.name(&names); err != nil {
				return err
			}
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
		s.space()
	}
	s.at++
	return nil
}

// name checks a member's name and the colon after it.
func (s *scanner) name(seen *names) error {
	begin := s.at
	if s.peek() != '"' {
		return s.fail("a name")
	}
	if err := s.string(); err != nil {
		return err
	}
	if name := s.text[begin:s.at]; !seen.add(name) {
		return &SyntaxError{begin, "duplicate name " + Clip(string(name)), "unique names"}
	}
	if len(seen.many) > maxNames {
		return &SyntaxError{begin, "too many names in one object", "about " + strconv.Itoa(maxNames) + " at most"}
	}
	if s.space(); s.peek() != ':' {
		return s.fail("':'")
	}
	s.at++
	s.space()
	return nil
}

// names is the set of names in an object. The first 16 are in a slice, which is faster
// to search than a map.
type names struct {
	few  []string
	many map[string]bool
}

// add adds the name, a quoted string, and reports whether it is new.
func (n *names) add(quoted RawMessage) bool {
	name := Text(quoted)
	for _, other := range n.few {
		if other == name {
			return false
		}
	}
	if n.many[name] {
		return false
	}
	if len(n.few) < 16 {
		n.few = append(n.few, name)
		return true
	}
	if n.many == nil {
		n.many = map[string]bool{}
	}
	n.many[name] = true
	return true
}

// string checks a string.
func (s *scanner) string() error {
	for s.at++; s.peek() != '"'; s.at++ {
		switch c := s.peek(); {
		case c == '\\':
			s.at++
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.fail("'\"' or a character of the string")
		}
	}
	s.at++
	return nil
}

// escape checks what follows a backslash and stops at the last byte of it.
func (s *scanner) escape() error {
	if s.peek() != 'u' {
		if bytes.IndexByte(escapes, s.peek()) < 0 {
			return s.fail(`one of "\/bfnrtu after '\'`)
		}
		return nil
	}
	begin := s.at
	r := hex(s.text[s.at+1:])
	if r < 0 {
		return s.fail("four hexadecimal digits after it")
	}
	s.at += 4
	if utf16.IsSurrogate(r) {
		rest := s.text[s.at+1:]
		if !bytes.HasPrefix(rest, []byte(`\u`)) || utf16.DecodeRune(r, hex(rest[2:])) == utf8.RuneError {
			s.at = begin
			return s.fail("a pair of surrogates")
		}
		s.at += 6
	}
	return nil
}

// number checks a number.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.at++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return nil
}

// digits skips one digit or more.
func (s *scanner) digits() error {
	if !digit(s.peek()) {
		return s.fail("a digit")
	}
	for digit(s.peek()) {
		s.at++
	}
	return nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// skip returns the value that starts here and moves past it. The value has been checked.
func (s *scanner) skip() RawMessage {
	begin, depth := s.at, 0
	for {
		switch s.text[s.at] {
		case '"':
			s.at += quoted(s.text[s.at:])
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':', ' ', '\t', '\n', '\r':
			s.at++
		default:
			s.literal()
		}
		if depth == 0 {
			return s.text[begin:s.at:s.at]
		}
	}
}

// literal skips a number, null, true or false that has been checked.
func (s *scanner) literal() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ',', ':', ' ', '\t', '\n', '\r', '}', ']':
			return
		}
		s.at++
	}
}
