package dataset

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// origin is the pictures of a folder or of a zip archive.
type origin struct {
	name  string                                   // of the folder or archive
	paths []string                                 // of the pictures, with slashes
	open  func(path string) (io.ReadCloser, error) // opens a file by such a path
	found *Found
}

// full returns the path of a file for messages and, in a folder, for opening it.
func (s *origin) full(path string) string { return filepath.Join(s.name, filepath.FromSlash(path)) }

// text returns a file of at most limit bytes. The error wraps fs.ErrNotExist if there is none.
func (s *origin) text(path string, limit int64) ([]byte, error) {
	f, err := s.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%q: must have at most %d bytes", s.full(path), limit)
	}
	return text, err
}

// openFolder lists the pictures below dir. Hidden files are ignored, symbolic links are followed.
func openFolder(dir string) (*origin, error) {
	s := &origin{name: dir, found: &Found{}}
	s.open = func(path string) (io.ReadCloser, error) { return os.Open(s.full(path)) }
	return s, walk(s, "", nil)
}

// archivedBytes is the most bytes that are read of one file of an archive.
const archivedBytes = 1 << 30

// openZip lists the pictures of the zip archive at path. If they are all in one folder, as
// archives of a folder have it, that folder is the archive's root. The archive is to be closed
// after the pictures were read.
func openZip(path string, split Split) (*origin, io.Closer, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %q: not a readable zip archive: %w", path, err)
	}
	s := &origin{name: path, found: &Found{}}
	files := map[string]*zip.File{}
	var all []string
	for _, f := range archive.File {
		name := strings.ReplaceAll(f.Name, `\`, "/")
		if !strings.HasSuffix(name, "/") && files[name] == nil {
			files[name] = f
			all = append(all, name)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	root := commonFolder(all)
	part := splitOf(all, root, split)
	if part == "" && split == Test {
		archive.Close()
		return nil, nil, errNoTest(path)
	}
	root += part
	for _, name := range all {
		if rest, ok := strings.CutPrefix(name, root); ok {
			s.see(rest)
		}
	}
	s.open = func(path string) (io.ReadCloser, error) {
		f := files[root+path]
		if f == nil {
			return nil, fmt.Errorf("%q: %w", s.full(path), fs.ErrNotExist)
		}
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		return limitedFile{io.LimitReader(in, archivedBytes), in}, nil
	}
	return s, archive, nil
}

// limitedFile is a file of which only a part is read.
type limitedFile struct {
	io.Reader
	io.Closer
}

// commonFolder returns the innermost folder, with a slash at its end, that all visible paths are
// in; "" for none.
func commonFolder(paths []string) string {
	root := ""
	for {
		next := ""
		for _, p := range paths {
			rest := strings.TrimPrefix(p, root)
			if hidden(rest) {
				continue
			}
			folder, _, nested := strings.Cut(rest, "/")
			if !nested || next != "" && folder != next {
				return root
			}
			next = folder
		}
		if next == "" || next == string(Train) || next == string(Test) {
			return root
		}
		root += next + "/"
	}
}

// hidden reports whether a file or a folder on the path is hidden, or made by a program that
// packs archives.
func hidden(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(name, ".") || name == "__MACOSX" {
			return true
		}
	}
	return false
}

// see adds the file at path if it is a visible picture.
func (s *origin) see(path string) {
	switch {
	case hidden(path):
		s.found.Hidden++
	case isPicture(path):
		s.paths = append(s.paths, path)
	case !isListing(path):
		s.found.Other = append(s.found.Other, path)
	}
}

// walk sees the files of s below at. It follows symbolic links; one that leads to a folder above
// it is an error. above are the real paths of the folders above.
func walk(s *origin, at string, above []string) error {
	folder := s.full(at)
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
		if !isFolder {
			s.see(path)
		} else if hidden(name) {
			s.found.Hidden++
		} else if err := walk(s, path, above); err != nil {
			return err
		}
	}
	return nil
}

// splitOf returns the folder of split below root, with a slash at its end, if there are folders
// for both splits, and "" otherwise.
func splitOf(paths []string, root string, split Split) string {
	for _, s := range []Split{Train, Test} {
		if !slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, root+string(s)+"/") }) {
			return ""
		}
	}
	return string(split) + "/"
}

// errNoTest says that there is no test split.
func errNoTest(name string) error {
	return fmt.Errorf("dataset: %q: there is no test split: it must have sub-folders train and test", name)
}
