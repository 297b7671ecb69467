package dataset

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// labelsFile is the file with which EDM's tools label the pictures of a folder
// (Karras et al. 2022).
const labelsFile = "dataset.json"

// list returns the pictures of s in sorted order and the names of their classes. Classes are
// those of a list of labels, see readListing, or else the sub-folders that contain pictures, at
// any depth. With none, pictures have no classes.
func (s *origin) list(none bool) ([]entry, []string, error) {
	classOf := func(path string) (string, error) {
		class, _, nested := strings.Cut(path, "/")
		if !nested {
			class = ""
		}
		return class, nil
	}
	labels, err := s.readListing()
	if err != nil {
		return nil, nil, err
	}
	if labels != nil {
		classOf = labels.class
	}
	if none {
		classOf = func(string) (string, error) { return "", nil }
	}
	byClass := map[string][]entry{} // "" for pictures without a class
	for _, path := range s.paths {
		class, err := classOf(path)
		if err != nil {
			return nil, nil, err
		}
		byClass[class] = append(byClass[class], entry{file: file{s.full(path), func() (io.ReadCloser, error) { return s.open(path) }}, class: -1})
	}
	if loose := byClass[""]; len(loose) > 0 && len(byClass) > 1 {
		return nil, nil, fmt.Errorf("%q: contains pictures in sub-folders and %d outside any: sub-folders are classes: put all pictures into sub-folders, or none, or train without classes with --labels none", s.name, len(loose))
	}
	entries, classes := byClass[""], []string(nil)
	delete(byClass, "")
	for name := range byClass {
		classes = append(classes, name)
	}
	sortClasses(classes)
	for i, name := range classes {
		for _, e := range byClass[name] {
			e.class = i
			entries = append(entries, e)
		}
	}
	return entries, classes, nil
}

// labels are the classes of pictures by their paths, from a list in a file; without any, the
// pictures have no classes.
type labels struct {
	file    string
	classes map[string]string
}

// readLabels reads a dataset.json. Its member labels is null, or lists
// pairs of a picture's path and the number of its class.
func readLabels(path string, text []byte) (*labels, error) {
	var listing struct {
		Labels [][2]json.RawMessage `json:"labels"`
	}
	if err := json.Unmarshal(text, &listing); err != nil {
		return nil, fmt.Errorf("%q: must be an object with the member labels, a list of pairs of a path and a number, or null: %w", path, err)
	}
	l := &labels{path, map[string]string{}}
	for i, pair := range listing.Labels {
		var name string
		var class int
		if json.Unmarshal(pair[0], &name) != nil || json.Unmarshal(pair[1], &class) != nil || class < 0 {
			return nil, fmt.Errorf("%q: labels[%d] must be a pair of a path and a number of at least 0 (got [%.60s, %.60s])", path, i, pair[0], pair[1])
		}
		l.classes[name] = strconv.Itoa(class)
	}
	return l, nil
}

// class returns the class of the picture with this path, "" for none.
func (l *labels) class(path string) (string, error) {
	class, ok := l.classes[path]
	if !ok && len(l.classes) > 0 {
		return "", fmt.Errorf("%q: there is no label for the picture %q: add it, or remove the file for sub-folders as classes", l.file, path)
	}
	return class, nil
}
