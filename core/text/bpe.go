package text

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// The limits of a vocabulary and of a text. CLIP has 49,408 tokens.
const (
	maxTokens = 1 << 18
	maxFile   = 16 << 20 // bytes of vocab.json, and of merges.txt
	maxText   = 1 << 13  // bytes: a word of so many takes about a second
)

// BPE is a byte-pair tokenizer. It is safe for concurrent use.
type BPE struct {
	ids   map[string]int // by token; a token that ends a word ends in wordEnd
	ranks map[[2]string]int
	start int
	end   int

	// Pad is the number that fills the rest of a context: that of the end of a text, unless it is
	// set before the first use. The second tokenizer of SDXL and that of Stable Diffusion 2 have
	// another (pad_token).
	Pad int

	mu    sync.Mutex
	words map[string][]string // the tokens of words that were seen
}

// What CLIP marks the ends of texts and words with.
const (
	startOfText = "<|startoftext|>"
	endOfText   = "<|endoftext|>"
	wordEnd     = "</w>"
)

// ReadBPE reads vocab.json, which has the number of every token, and merges.txt, which has the
// pairs that are joined, the first ones first. The error names what is missing or too large.
func ReadBPE(vocab, merges io.Reader) (*BPE, error) {
	b := &BPE{ranks: map[[2]string]int{}, words: map[string][]string{}}
	data, err := io.ReadAll(io.LimitReader(vocab, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("text: vocab.json: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("text: vocab.json is larger than %d bytes", maxFile)
	}
	if err := json.Unmarshal(data, &b.ids); err != nil {
		return nil, fmt.Errorf("text: vocab.json must be an object of tokens and numbers: %w", err)
	}
	if len(b.ids) > maxTokens {
		return nil, fmt.Errorf("text: vocab.json has %d tokens, need at most %d", len(b.ids), maxTokens)
	}
	for token, id := range b.ids {
		if id < 0 || id >= maxTokens {
			return nil, fmt.Errorf("text: vocab.json: token %.40q has number %d, need 0 to %d", token, id, maxTokens-1)
		}
	}
	if err := b.readMerges(merges); err != nil {
		return nil, fmt.Errorf("text: merges.txt: %w", err)
	}
	needed := []string{startOfText, endOfText}
	for _, c := range byteNames {
		needed = append(needed, c, c+wordEnd)
	}
	for _, token := range needed {
		if _, ok := b.ids[token]; !ok {
			return nil, fmt.Errorf("text: vocab.json lacks the token %q", token)
		}
	}
	b.start, b.end = b.ids[startOfText], b.ids[endOfText]
	b.Pad = b.end
	return b, nil
}

// readMerges reads the pairs. Lines that begin with "#version" and empty ones are skipped.
func (b *BPE) readMerges(in io.Reader) error {
	size, lines := 0, bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if size += len(line) + 1; size > maxFile {
			return fmt.Errorf("is larger than %d bytes", maxFile)
		}
		if line == "" || strings.HasPrefix(line, "#version") {
			continue
		}
		first, second, ok := strings.Cut(line, " ")
		if !ok || first == "" || second == "" || strings.Contains(second, " ") {
			return fmt.Errorf("line %.80q must be two tokens with a space between", line)
		}
		if _, ok := b.ids[first+second]; !ok {
			return fmt.Errorf("line %.80q: the joined token is not in vocab.json", line)
		}
		if len(b.ranks) == maxTokens {
			return fmt.Errorf("has more than %d lines", maxTokens)
		}
		if _, ok := b.ranks[[2]string{first, second}]; !ok {
			b.ranks[[2]string{first, second}] = len(b.ranks)
		}
	}
	return lines.Err()
}

// Size returns one more than the highest number of a token.
func (b *BPE) Size() int {
	most := 0
	for _, id := range b.ids {
		most = max(most, id)
	}
	return most + 1
}

// Tokens returns the tokens of a text, without marks of its ends. Invalid UTF-8 becomes U+FFFD.
// The error says that the text is too long.
func (b *BPE) Tokens(text string) ([]string, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("text: a text must have at most %d bytes (got %d)", maxText, len(text))
	}
	var out []string
	for _, word := range split(clean(text)) {
		if word == startOfText || word == endOfText {
			out = append(out, word)
			continue
		}
		out = append(out, b.word(word)...)
	}
	return out, nil
}

// Encode returns the numbers of a text's tokens between the marks of its ends, in a context of
// length numbers: longer texts are cut, and Pad fills the rest of shorter ones.
func (b *BPE) Encode(text string, length int) ([]int, error) {
	if length < 2 {
		return nil, fmt.Errorf("text: a context must have at least 2 tokens (got %d)", length)
	}
	tokens, err := b.Tokens(text)
	if err != nil {
		return nil, err
	}
	ids := make([]int, length)
	tokens = tokens[:min(len(tokens), length-2)]
	ids[0] = b.start
	for i := 1; i < length; i++ {
		switch {
		case i <= len(tokens):
			ids[i] = b.ids[tokens[i-1]]
		case i == len(tokens)+1:
			ids[i] = b.end
		default:
			ids[i] = b.Pad
		}
	}
	return ids, nil
}

// The most words whose tokens are kept, and the most bytes of one.
const (
	maxWords   = 1 << 14
	maxKeptLen = 64
)

// word returns the tokens of a word: of its bytes, the pair with the lowest rank is joined
// everywhere, until no pair has a rank.
func (b *BPE) word(word string) []string {
	b.mu.Lock()
	kept, ok := b.words[word]
	b.mu.Unlock()
	if ok {
		return kept
	}
	parts := make([]string, 0, len(word))
	for i := range len(word) {
		parts = append(parts, byteNames[word[i]])
	}
	parts[len(parts)-1] += wordEnd
	for len(parts) > 1 {
		best, rank := -1, len(b.ranks)
		for i := range len(parts) - 1 {
			if r, ok := b.ranks[[2]string{parts[i], parts[i+1]}]; ok && r < rank {
				best, rank = i, r
			}
		}
		if best < 0 {
			break
		}
		parts = join(parts, parts[best], parts[best+1])
	}
	b.mu.Lock()
	if len(b.words) < maxWords && len(word) <= maxKeptLen {
		b.words[word] = parts
	}
	b.mu.Unlock()
	return parts
}

// join returns parts with first and second joined wherever they follow each other.
func join(parts []string, first, second string) []string {
	out := parts[:0]
	for i := 0; i < len(parts); i++ {
		if i+1 < len(parts) && parts[i] == first && parts[i+1] == second {
			out = append(out, first+second)
			i++
		} else {
			out = append(out, parts[i])
		}
	}
	return out
}

// byteNames has for every byte the character that stands for it in a vocabulary: itself if it is
// printable in Latin-1, else one from U+0100 on, in order.
var byteNames = func() (names [256]string) {
	next := rune(256)
	for i := range names {
		c := rune(i)
		if !(c >= '!' && c <= '~' || c >= '¡' && c <= '¬' || c >= '®' && c <= 'ÿ') {
			c = next
			next++
		}
		names[i] = string(utf8.AppendRune(nil, c))
	}
	return names
}()
