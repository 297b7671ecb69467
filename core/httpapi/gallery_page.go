package httpapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// galleryHTML is the gallery's page, in the site's style and theme; entriesMark stands
// where the entries go.
//
//go:embed gallery.html
var galleryHTML string

const (
	entriesMark = "<!-- entries -->"
	styleOpen   = "<style>"
	styleEnd    = "</style>"
)

// galleryPolicy is the page's Content-Security-Policy: its own origin, and its inline
// style by its hash.
var galleryPolicy = func() string {
	_, style, _ := strings.Cut(galleryHTML, styleOpen)
	style, _, _ = strings.Cut(style, styleEnd)
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// galleryPage answers with the gallery as a page.
func (s *Service) galleryPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.entriesShown(r.Context(), maxOnPage)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range list {
		b.WriteString(e.html())
	}
	if len(list) == 0 {
		b.WriteString("<li class=\"hint\">Nothing has been shared yet.</li>\n")
	}
	w.Header().Set("Content-Security-Policy", galleryPolicy)
	send(w, r, []byte(strings.Replace(galleryHTML, entriesMark, b.String(), 1)), htmlType, checked)
	return nil
}

// html returns the entry as an item of a list, whose picture links to the experiment.
// Pictures are fetched when they come into view.
func (e galleryEntry) html() string {
	width, height := e.of.sheet().size()
	day, _, _ := strings.Cut(e.Date, "T")
	return fmt.Sprintf("<li><a href=\"%s\"><img src=\"%s\" width=\"%d\" height=\"%d\" alt=\"\" loading=\"lazy\" decoding=\"async\">\n<span class=\"name\">%s</span> <span class=\"hint\">%s</span></a> <time class=\"hint\" datetime=\"%s\">%s</time></li>\n",
		html.EscapeString(e.Page), html.EscapeString(e.Picture), width*e.of.scale, height*e.of.scale,
		html.EscapeString(e.of.model.Info.Title), html.EscapeString(e.of.about()), html.EscapeString(e.Date), html.EscapeString(day))
}
