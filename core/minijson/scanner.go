package minijson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner goes through a text once.
type scanner struct {
	text []byte
	at   int
}

// peek returns the next byte, 0 at the end: no token of JSON begins with it.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// space passes white space.
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

// need is the error of what stands here.
func (s *scanner) need(what string) error {
	found := "the end"
	if s.at < len(s.text) {
		r, _ := utf8.DecodeRune(s.text[s.at:])
		found = strconv.QuoteRune(r)
	}
	return &SyntaxError{s.at, found, what}
}

// value checks the value that begins here, inside depth-1 others.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		if depth > maxDepth {
			return s.need("at most " + strconv.Itoa(maxDepth) + " objects and arrays inside one another")
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
	return s.need("a value")
}

// collection checks an object or an array.
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
				return s.need(missing)
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

// name checks a member's name and the colon behind it.
func (s *scanner) name(seen *names) error {
	begin := s.at
	if s.peek() != '"' {
		return s.need("a name")
	}
	if err := s.string(); err != nil {
		return err
	}
	if name := s.text[begin:s.at]; !seen.add(name) {
		return &SyntaxError{begin, "the name " + Clip(string(name)) + " again", "another name"}
	}
	if len(seen.many) > maxNames {
		return &SyntaxError{begin, "one more name", "an object of fewer"}
	}
	if s.space(); s.peek() != ':' {
		return s.need("':'")
	}
	s.at++
	s.space()
	return nil
}

// names holds the names of an object: few are compared one by one.
type names struct {
	few  []string
	many map[string]bool
}

// add adds the name that a string means, and reports whether it is new.
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
			return s.need("'\"' or a character of the string")
		}
	}
	s.at++
	return nil
}

// escape checks what follows a backslash, as far as its last byte.
func (s *scanner) escape() error {
	if s.peek() != 'u' {
		if bytes.IndexByte(escapes, s.peek()) < 0 {
			return s.need(`one of "\/bfnrtu after '\'`)
		}
		return nil
	}
	begin := s.at
	r := hex(s.text[s.at+1:])
	if r < 0 {
		return s.need("four hexadecimal digits after it")
	}
	s.at += 4
	if utf16.IsSurrogate(r) {
		rest := s.text[s.at+1:]
		if !bytes.HasPrefix(rest, []byte(`\u`)) || utf16.DecodeRune(r, hex(rest[2:])) == utf8.RuneError {
			s.at = begin
			return s.need("a pair of surrogates")
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

// digits passes one digit and those that follow.
func (s *scanner) digits() error {
	if !digit(s.peek()) {
		return s.need("a digit")
	}
	for digit(s.peek()) {
		s.at++
	}
	return nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// skip passes the checked value that begins here and returns it.
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

// literal passes a checked number, null, true or false.
func (s *scanner) literal() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ',', ':', ' ', '\t', '\n', '\r', '}', ']':
			return
		}
		s.at++
	}
}
