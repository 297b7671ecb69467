package text

import (
	"html"
	"strings"
	"unicode"
)

// clean returns a text with character references resolved twice, its white space as single
// spaces, and in lower case.
func clean(text string) string {
	text = html.UnescapeString(html.UnescapeString(strings.ToValidUTF8(text, "\ufffd")))
	return strings.ToLower(strings.Join(strings.Fields(text), " "))
}

// endings are what follows an apostrophe as a word of its own.
var endings = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// split returns the words of a text: the marks of its ends, contracted endings, letters, single
// digits, and other characters but white space.
func split(text string) []string {
	var words []string
	for text != "" {
		n := leading(text)
		if n == 0 {
			_, n = first(text)
		} else {
			words = append(words, text[:n])
		}
		text = text[n:]
	}
	return words
}

// leading returns the number of bytes of the word at the start of text; 0 for white space.
func leading(text string) int {
	for _, mark := range []string{startOfText, endOfText} {
		if strings.HasPrefix(text, mark) {
			return len(mark)
		}
	}
	for _, ending := range endings {
		if strings.HasPrefix(text, ending) {
			return len(ending)
		}
	}
	r, n := first(text)
	switch {
	case unicode.IsLetter(r):
		return span(text, unicode.IsLetter)
	case unicode.IsNumber(r):
		return n
	case unicode.IsSpace(r):
		return 0
	}
	return span(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) })
}

// first returns the first character of a text and its length.
func first(text string) (r rune, n int) {
	for i, c := range text {
		if i > 0 {
			return r, i
		}
		r = c
	}
	return r, len(text)
}

// span returns the number of bytes before the first character that is not of a kind.
func span(text string, kind func(rune) bool) int {
	for i, r := range text {
		if !kind(r) {
			return i
		}
	}
	return len(text)
}
