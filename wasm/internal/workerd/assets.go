package workerd

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// rule is the headers for matching paths.
type rule struct {
	path   *regexp.Regexp
	header [][2]string
}

// static emulates Workers Static Assets: it serves the files of a folder, with the headers in
// its file _headers.
type static struct {
	folder fs.FS
	files  http.Handler
	rules  []rule
}

// newStatic reads the _headers of a site: lines with a path, in which * matches anything, each
// followed by indented lines with headers.
func newStatic(folder string) (*static, error) {
	data, err := os.ReadFile(filepath.Join(folder, "_headers"))
	if err != nil {
		return nil, fmt.Errorf("workerd: the site is not built, run make worker: %w", err)
	}
	s := &static{folder: os.DirFS(folder), files: http.FileServerFS(os.DirFS(folder))}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch indented := strings.HasPrefix(line, " "); {
		case !indented:
			pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), `\*`, ".*")
			path, err := regexp.Compile("^" + pattern + "$")
			if err != nil {
				return nil, fmt.Errorf("workerd: _headers: %w", err)
			}
			s.rules = append(s.rules, rule{path: path})
		case ok && len(s.rules) > 0:
			last := &s.rules[len(s.rules)-1]
			last.header = append(last.header, [2]string{name, value})
		default:
			return nil, fmt.Errorf("workerd: _headers: a line must be a path, or an indented header after one (got %q)", line)
		}
	}
	return s, nil
}

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=0, must-revalidate")
	for _, rule := range s.rules {
		if rule.path.MatchString(r.URL.Path) {
			for _, h := range rule.header {
				w.Header().Set(h[0], h[1])
			}
		}
	}
	r.Header.Del("Range") // the platform ignores it too
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	if _, err := fs.Stat(s.folder, name); err != nil { // the platform does not redirect to another name
		http.NotFound(w, r)
		return
	}
	s.files.ServeHTTP(w, r)
}
