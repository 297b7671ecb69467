package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// The files that list the classes of pictures besides dataset.json.
const (
	metadataFile = "metadata.jsonl" // a JSON object a line: file_name, and label or text
	captionsFile = "captions.txt"   // a path, a tab or a comma, and a caption a line
)

// listing is a kind of file that lists classes.
type listing struct {
	name string
	read func(path string, text []byte) (*labels, error)
}

// listings are the files that list classes, in the order in which they are looked for.
var listings = []listing{{labelsFile, readLabels}, {metadataFile, readMetadata}, {captionsFile, readCaptions}}

// isListing reports whether a path is that of a file that lists classes.
func isListing(path string) bool {
	return slices.ContainsFunc(listings, func(l listing) bool { return l.name == path })
}

// listingBytes is the most bytes of a file that lists classes.
const listingBytes = 1 << 28

// readListing returns the labels of the first of listings that is there, nil for none.
func (s *origin) readListing() (*labels, error) {
	for _, l := range listings {
		text, err := s.text(l.name, listingBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.found.Listing = l.name
		return l.read(s.full(l.name), text)
	}
	return nil, nil
}

// maxCaptions is the most different captions that are classes.
const maxCaptions = 1000

// check returns an error if the labels are captions that hardly repeat, which are no classes.
func (l *labels) check() (*labels, error) {
	different := map[string]bool{}
	for _, class := range l.classes {
		different[class] = true
	}
	if n := len(different); n > maxCaptions || n > 10 && 2*n > len(l.classes) {
		return nil, fmt.Errorf("%q: %d pictures have %d different captions: captions are classes here and must repeat; ignore them with --labels none", l.file, len(l.classes), n)
	}
	return l, nil
}

// readMetadata reads a metadata.jsonl: an object a line, with the path of a picture as file_name and
// its class as label, a string or a whole number, or as text.
func readMetadata(path string, text []byte) (*labels, error) {
	l := &labels{path, map[string]string{}}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var item struct {
			File  string          `json:"file_name"`
			Label json.RawMessage `json:"label"`
			Text  string          `json:"text"`
		}
		if err := json.Unmarshal(line, &item); err != nil || item.File == "" {
			return nil, fmt.Errorf("%q: line %d must be a JSON object with file_name, and label or text (got %.60q)", path, i+1, line)
		}
		class := item.Text
		var number int
		if err := json.Unmarshal(item.Label, &number); err == nil {
			class = strconv.Itoa(number)
		} else if len(item.Label) > 0 {
			if err := json.Unmarshal(item.Label, &class); err != nil {
				return nil, fmt.Errorf("%q: line %d: label must be a string or a whole number (got %.60s)", path, i+1, item.Label)
			}
		}
		l.classes[item.File] = strings.TrimSpace(class)
	}
	return l.check()
}

// readCaptions reads a captions.txt: the path of a picture, a tab or a comma, and its caption, on
// each line.
func readCaptions(path string, text []byte) (*labels, error) {
	l := &labels{path, map[string]string{}}
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		at := strings.IndexAny(line, "\t,")
		if at < 0 || !isPicture(strings.TrimSpace(line[:at])) {
			if i == 0 {
				continue // a line of titles
			}
			return nil, fmt.Errorf("%q: line %d must be the path of a picture, a tab or a comma, and a caption (got %.60q)", path, i+1, line)
		}
		l.classes[strings.TrimSpace(line[:at])] = strings.TrimSpace(line[at+1:])
	}
	return l.check()
}
