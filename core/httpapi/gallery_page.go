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

// hall is the gallery's page, in the site's own style and theme; a mark stands where
// the exhibits hang.
//
//go:embed gallery.html
var hall string

const (
	hallMark  = "<!-- exhibits -->"
	styleOpen = "<style>"
	styleEnd  = "</style>"
)

// hallPolicy is the page's Content-Security-Policy: its own origin, and the one style
// that stands in it, by its hash.
var hallPolicy = func() string {
	_, style, _ := strings.Cut(hall, styleOpen)
	style, _, _ = strings.Cut(style, styleEnd)
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// galleryPage answers with the gallery as a page.
func (s *Service) galleryPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.exhibits(r.Context(), maxHung)
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
	w.Header().Set("Content-Security-Policy", hallPolicy)
	send(w, r, []byte(strings.Replace(hall, hallMark, b.String(), 1)), htmlType, checked)
	return nil
}

// html returns the exhibit as an item of a list: the picture leads to the experiment.
// Pictures are fetched as they come into view.
func (e exhibit) html() string {
	width, height := e.of.sheet().size()
	day, _, _ := strings.Cut(e.Date, "T")
	return fmt.Sprintf("<li><a href=\"%s\"><img src=\"%s\" width=\"%d\" height=\"%d\" alt=\"\" loading=\"lazy\" decoding=\"async\">\n<span class=\"name\">%s</span> <span class=\"hint\">%s</span></a> <time class=\"hint\" datetime=\"%s\">%s</time></li>\n",
		html.EscapeString(e.Page), html.EscapeString(e.Picture), width*e.of.scale, height*e.of.scale,
		html.EscapeString(e.of.model.Info.Title), html.EscapeString(e.of.about()), html.EscapeString(e.Date), html.EscapeString(day))
}
