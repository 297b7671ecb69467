package minijson

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"
	"testing"
)

// texts are valid, invalid and unusual JSON.
var texts = []string{
	`null`, ` true `, `-0`, `0.5e+10`, `"a\u00e9\ud83d\ude00\n\/\"\\"`, `[]`, `[1, "2", [3], {}]`, "{ \"a\" : {\"b\":[ ]}\t, \"\":0}\n",
	``, ` `, `nul`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `"`, "\"\n\"", `"\x"`, `"\u12"`, `"\ud800"`, `"\ud800\u0041"`, `"\ude00\ud83d"`, "\"\xff\"",
	`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `]`, `}`, `[}`, `{]`,
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"a":1}}`, `1 2`, `{}{}`, `"\u005a"`, "\ufeff{}", "\x00", `NaN`, `[1e999]`, `tru e`, `truefalse`,
	`{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,"13":0,"14":0,"15":0,"16":0,"17":0,"18":0,"18":0}`,
	strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
}

// checkParse fails unless this package accepts text exactly if jsontext does, and reads
// the same parts.
func checkParse(t *testing.T, text []byte) {
	t.Helper()
	v, err := Parse(text)
	valid := jsontext.Value(text).IsValid() && Depth(trimmed(text)) <= maxDepth
	if (err == nil) != valid {
		t.Fatalf("%q: got error %v, want valid %v", text, err, valid)
	}
	if err == nil {
		walk(t, v)
	}
}

// trimmed returns a valid text without the white space around it.
func trimmed(text []byte) RawMessage { return RawMessage(strings.Trim(string(text), " \t\r\n")) }

// walk compares all parts of a value with jsontext's tokens.
func walk(t *testing.T, v RawMessage) {
	t.Helper()
	d := jsontext.NewDecoder(strings.NewReader(string(v)))
	token, err := d.ReadToken()
	if err != nil {
		t.Fatalf("%q: %v", v, err)
	}
	switch token.Kind() {
	case jsontext.KindString:
		if got := Text(v); got != token.String() {
			t.Fatalf("%q: means %q, want %q", v, got, token.String())
		}
	case jsontext.KindBeginArray:
		for element := range Elements(v) {
			checkNext(t, d, element)
		}
	case jsontext.KindBeginObject:
		for name, member := range Members(v) {
			if token, err := d.ReadToken(); err != nil || token.String() != name {
				t.Fatalf("%q: name %q, want %v, %v", v, name, token, err)
			}
			checkNext(t, d, member)
		}
	default:
		return
	}
	if d.StackDepth() > 0 && d.PeekKind() != '}' && d.PeekKind() != ']' {
		t.Fatalf("%q: parts are missing at %d", v, d.InputOffset())
	}
}

// checkNext compares a part with jsontext's next value.
func checkNext(t *testing.T, d *jsontext.Decoder, part RawMessage) {
	t.Helper()
	if next, err := d.ReadValue(); err != nil || string(next) != string(part) {
		t.Fatalf("part %q, want %q, %v", part, next, err)
	}
	walk(t, part)
}

// TestParse: a text is accepted if jsontext accepts it and it is not nested too
// deeply, and its parts are the same.
func TestParse(t *testing.T) {
	for _, text := range texts {
		checkParse(t, []byte(text))
	}
}

// TestManyNames: an object with too many names is an error before all are in memory.
func TestManyNames(t *testing.T) {
	for _, n := range []int{1 << 16, 1 << 18} {
		text := []byte("{")
		for i := range n {
			text = fmt.Appendf(text, `"%d":1,`, i)
		}
		_, err := Parse(append(text, `"":1}`...))
		if many := n > maxNames; many != (err != nil) || many && !strings.Contains(err.Error(), "got too many names in one object") {
			t.Errorf("%d names: got error %v", n, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkParse(t, text) })
}
