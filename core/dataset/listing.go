package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tweedie/weights"
)

// labelsFile is the file with which EDM's tools label the pictures of a folder
// (Karras et al. 2022).
const labelsFile = "dataset.json"

// listPictures returns the pictures in dir in sorted order and the names of their classes.
// Classes are the labels of dataset.json, if there is such a file, or else the sub-folders
// that contain pictures, at any depth. Hidden files are ignored, symbolic links are followed.
func listPictures(dir string) ([]entry, []string, error) {
	var paths []string // relative to dir, with slashes
	if err := walk(dir, "", nil, &paths); err != nil {
		return nil, nil, err
	}
	classOf := func(path string) (string, error) {
		class, _, nested := strings.Cut(path, "/")
		if !nested {
			class = ""
		}
		return class, nil
	}
	labels, err := readLabels(filepath.Join(dir, labelsFile))
	if err != nil {
		return nil, nil, err
	}
	if labels != nil {
		classOf = labels.class
	}
	byClass := map[string][]entry{} // "" for pictures without a class
	for _, path := range paths {
		class, err := classOf(path)
		if err != nil {
			return nil, nil, err
		}
		byClass[class] = append(byClass[class], entry{path: filepath.Join(dir, filepath.FromSlash(path)), class: -1})
	}
	if loose := byClass[""]; len(loose) > 0 && len(byClass) > 1 {
		return nil, nil, fmt.Errorf("%q: contains pictures in sub-folders and %d outside any: sub-folders are classes: put all pictures into sub-folders, or none", dir, len(loose))
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

// walk appends the paths of the pictures below dir/at to paths, with slashes and relative to
// dir. It follows symbolic links; one that leads to a folder above it is an error. above are
// the real paths of the folders above.
func walk(dir, at string, above []string, paths *[]string) error {
	folder := filepath.Join(dir, filepath.FromSlash(at))
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	if slices.Contains(above, real) {
		return fmt.Errorf("%q: the symbolic link leads to a folder that contains it: remove the link", folder)
	}
	above = append(slices.Clone(above), real)
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		name, path := f.Name(), f.Name()
		if at != "" {
			path = at + "/" + name
		}
		isFolder := f.IsDir()
		if f.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil && !isPicture(name) {
				continue // a link to nothing, which is no picture
			}
			if err != nil {
				return fmt.Errorf("%q: the symbolic link leads to nothing: %w", filepath.Join(folder, name), err)
			}
			isFolder = info.IsDir()
		}
		switch {
		case strings.HasPrefix(name, "."):
		case isFolder:
			if err := walk(dir, path, above, paths); err != nil {
				return err
			}
		case isPicture(name):
			*paths = append(*paths, path)
		}
	}
	return nil
}

// labels are the classes of the pictures of a dataset.json by their paths; without any, its
// pictures have no classes.
type labels struct {
	file    string
	classes map[string]string
}

// readLabels reads a dataset.json, nil if there is none. Its member labels is null, or lists
// pairs of a picture's path and the number of its class.
func readLabels(path string) (*labels, error) {
	text, err := weights.ReadFile(path, 1<<28)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
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
