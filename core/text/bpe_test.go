package text

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// fixture returns the tokenizer of testdata: 512 tokens of bytes, and merges of some words.
func fixture(t testing.TB) *BPE {
	t.Helper()
	vocab, err := os.Open("testdata/vocab.json")
	if err != nil {
		t.Fatal(err)
	}
	defer vocab.Close()
	merges, err := os.Open("testdata/merges.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer merges.Close()
	b, err := ReadBPE(vocab, merges)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPrompts compares the tokens of texts with those of CLIP's own tokenizer on the same files.
func TestPrompts(t *testing.T) {
	data, err := os.ReadFile("testdata/prompts.json")
	if err != nil {
		t.Fatal(err)
	}
	var prompts []struct {
		Prompt string
		Tokens []string
		IDs    []int
	}
	if err := json.Unmarshal(data, &prompts); err != nil || len(prompts) < 8 {
		t.Fatalf("%d prompts, %v", len(prompts), err)
	}
	b := fixture(t)
	for _, p := range prompts {
		tokens, err := b.Tokens(p.Prompt)
		if room := len(p.IDs) - 2; len(p.Tokens) == room { // the stored ones are cut
			tokens = tokens[:room]
		}
		if err != nil || !slices.Equal(tokens, p.Tokens) {
			t.Errorf("%.60q: tokens %q, want %q, %v", p.Prompt, tokens, p.Tokens, err)
		}
		ids, err := b.Encode(p.Prompt, len(p.IDs))
		if err != nil || !slices.Equal(ids, p.IDs) {
			t.Errorf("%.60q: numbers %v, want %v, %v", p.Prompt, ids, p.IDs, err)
		}
	}
	b.Pad = 0
	if ids, err := b.Encode("a cat", 6); err != nil || !slices.Equal(ids, []int{608, 320, 521, 609, 0, 0}) {
		t.Errorf("with another padding: %v, %v", ids, err)
	}
	if b.Size() != 610 {
		t.Errorf("%d tokens, want 610", b.Size())
	}
}

// TestClean: references, white space, case and broken bytes.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"Fish &amp;amp; Chips":   "fish & chips",
		"  a\tb \u00a0 c\n":      "a b c",
		"ÄÖÜ":                    "äöü",
		"broken \xff byte":       "broken \ufffd byte",
		"don&#39;t":              "don't",
		"":                       "",
		"\u2028line\u2029break ": "line break",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"i'll go, they've 2 dogs": {"i", "'ll", "go", ",", "they", "'ve", "2", "dogs"},
		"2024":                    {"2", "0", "2", "4"},
		"a<|endoftext|>b":         {"a", "<|endoftext|>", "b"},
		"über-straße":             {"über", "-", "straße"},
		"'''":                     {"'''"},
	} {
		if got := split(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	vocab, err := os.ReadFile("testdata/vocab.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ vocab, merges, want string }{
		{"[1]", "", "must be an object"},
		{"{}", "", `lacks the token "<|startoftext|>"`},
		{`{"a": -1}`, "", "has number -1"},
		{`{"a": 1000000000}`, "", "has number 1000000000"},
		{string(vocab), "abc", "two tokens"},
		{string(vocab), "q x", "not in vocab.json"},
		{string(vocab), "a b c", "two tokens"},
		{strings.Replace(string(vocab), `"!": 0`, `"!!!!": 0`, 1), "", "lacks the token"},
	} {
		if _, err := ReadBPE(strings.NewReader(c.vocab), strings.NewReader(c.merges)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q, %q: got %v, want an error with %q", c.vocab, c.merges, err, c.want)
		}
	}
	b := fixture(t)
	if _, err := b.Tokens(strings.Repeat("a", maxText+1)); err == nil {
		t.Error("a text of more than the limit is taken")
	}
	if _, err := b.Encode("a", 1); err == nil {
		t.Error("a context of one token is taken")
	}
}

// FuzzEncode: any text has numbers of the vocabulary, in a context of the length asked for.
func FuzzEncode(f *testing.F) {
	f.Add("a photo of a cat", uint8(77))
	f.Add("<|endoftext|>'s \xff&amp;", uint8(3))
	b := fixture(f)
	f.Fuzz(func(t *testing.T, text string, length uint8) {
		ids, err := b.Encode(text, int(length))
		if err != nil {
			return
		}
		if len(ids) != int(length) || ids[0] != b.start || !slices.Contains(ids, b.end) {
			t.Fatalf("%q: %v", text, ids)
		}
		for _, id := range ids {
			if id < 0 || id >= b.Size() {
				t.Fatalf("%q: number %d", text, id)
			}
		}
	})
}
