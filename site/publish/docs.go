package publish

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// docsFolder is where a site has its documentation.
const docsFolder = "docs/"

var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.css
	docsCSS []byte

	docsPage = template.Must(template.New("docs.html").Parse(docsHTML))
	markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
)

// docs is a documentation while it becomes pages.
type docs struct {
	folder string
	names  map[string]string // pages by the Markdown file that they are made of
	queue  []string          // Markdown files that are no pages yet
	nav    []link            // the links of the folder's README.md, which become the navigation
	files  map[string][]byte // what is done, by name
}

// link is a link of the navigation: an address is the name of a page.
type link struct {
	Address, Title string
	Current        bool
}

// documentation returns the files of a folder of Markdown as pages below docs/. A
// README.md is the page of its folder; that of the folder itself must exist, and the
// links in it are the navigation. Links between Markdown files become links between
// pages. A Markdown file outside the folder that is linked to becomes a page as well,
// under the last part of its name; a link to any other file outside becomes text. Raw
// HTML is left out. The error names a link to a file that does not exist.
func documentation(folder string) (map[string][]byte, error) {
	d := &docs{folder: filepath.Clean(folder), names: map[string]string{}, files: map[string][]byte{"docs.css": docsCSS}}
	if err := d.collect(); err != nil {
		return nil, fmt.Errorf("publish: docs: %w", err)
	}
	for i := 0; i < len(d.queue); i++ {
		if err := d.publish(d.queue[i]); err != nil {
			return nil, fmt.Errorf("publish: docs: %s: %w", d.queue[i], err)
		}
	}
	content := make(map[string][]byte, len(d.files))
	for name, data := range d.files {
		content[docsFolder+name] = data
	}
	return content, nil
}

// collect queues the Markdown files of the folder, its own README.md first, and takes the other files.
func (d *docs) collect() error {
	start := filepath.Join(d.folder, "README.md")
	if _, err := os.Stat(start); err != nil {
		return fmt.Errorf("%w: it is the first page, and its links are the navigation", err)
	}
	if err := d.enqueue(start); err != nil {
		return err
	}
	return filepath.WalkDir(d.folder, func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			return err
		case filepath.Ext(file) == ".md":
			return d.enqueue(file)
		case extensions[filepath.Ext(file)] == "":
			return nil
		}
		data, err := os.ReadFile(file)
		d.files[d.within(file)] = data
		return err
	})
}

// within returns a file's name relative to the folder, with slashes.
func (d *docs) within(file string) string {
	relative, err := filepath.Rel(d.folder, file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(relative)
}

// enqueue gives a Markdown file the name of its page.
func (d *docs) enqueue(file string) error {
	if d.names[file] != "" {
		return nil
	}
	name := d.within(file)
	if strings.HasPrefix(name, "../") {
		name = strings.ToLower(path.Base(name))
	}
	if path.Base(name) == "README.md" {
		name = path.Join(path.Dir(name), "index.md")
	}
	name = strings.TrimSuffix(name, ".md") + ".html"
	for other, taken := range d.names {
		if strings.EqualFold(taken, name) {
			return fmt.Errorf("%s and %s would both be the page %s: rename one", other, file, name)
		}
	}
	d.names[file] = name
	d.queue = append(d.queue, file)
	return nil
}

// publish makes a page of a Markdown file.
func (d *docs) publish(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	tree := markdown.Parser().Parse(text.NewReader(source))
	title := d.names[file]
	var links []ast.Node
	err = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Heading:
			if entering && n.Level == 1 {
				title = plain(n, source)
			}
		case *ast.Link, *ast.Image:
			if entering {
				links = append(links, n)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return err
	}
	for _, n := range links {
		if err := d.redirect(file, n, source); err != nil {
			return err
		}
	}
	var body, page bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, tree); err != nil {
		return err
	}
	name := d.names[file]
	up := strings.Repeat("../", strings.Count(name, "/"))
	var nav []link
	for _, l := range d.nav {
		nav = append(nav, link{up + l.Address, l.Title, l.Address == name})
	}
	err = docsPage.Execute(&page, map[string]any{"Title": title, "Up": up, "Pages": nav, "Body": template.HTML(body.String())})
	d.files[name] = page.Bytes()
	return err
}

// redirect makes a link of a Markdown file, or an image, one of its page. Those of the
// first page are noted for the navigation.
func (d *docs) redirect(file string, n ast.Node, source []byte) error {
	var destination *[]byte
	l, isLink := n.(*ast.Link)
	if isLink {
		destination = &l.Destination
	} else {
		destination = &n.(*ast.Image).Destination
	}
	address, err := url.Parse(string(*destination))
	if err != nil {
		return err
	}
	if address.Scheme != "" || address.Host != "" || address.Path == "" {
		return nil
	}
	target := filepath.Join(filepath.Dir(file), filepath.FromSlash(address.Path))
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("link %q: %w", address.Path, errors.Unwrap(err))
	}
	if info.IsDir() {
		target = filepath.Join(target, "README.md")
	}
	name := d.within(target)
	switch {
	case filepath.Ext(target) == ".md":
		if err := d.enqueue(target); err != nil {
			return err
		}
		name = d.names[target]
	case strings.HasPrefix(name, "../"):
		unlink(n)
		return nil
	}
	if file == d.queue[0] && isLink && !slices.ContainsFunc(d.nav, func(l link) bool { return l.Address == name }) {
		d.nav = append(d.nav, link{Address: name, Title: plain(l, source)})
	}
	address.Path = strings.Repeat("../", strings.Count(d.names[file], "/")) + name
	*destination = []byte(address.String())
	return nil
}

// unlink puts a link's text in its place.
func unlink(n ast.Node) {
	parent := n.Parent()
	for n.FirstChild() != nil {
		parent.InsertBefore(parent, n, n.FirstChild())
	}
	parent.RemoveChild(parent, n)
}

// plain returns the text of a node.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
		} else {
			b.WriteString(plain(c, source))
		}
	}
	return b.String()
}
