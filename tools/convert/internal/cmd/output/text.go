package output

import (
	"strings"
)

// Printable returns text without control characters, which could move a terminal's cursor.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}

// Producer returns the name of the program that wrote a file, for people.
func Producer(name string) string {
	if name == "" {
		return "an unnamed program"
	}
	return Printable(name)
}
