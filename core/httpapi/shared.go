package httpapi

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tweedie/core/engine"
)

// shared answers with the page, opened on the experiment in the path, which is written as
// in the page's address, and with tags for a preview. Where the experiment cannot be
// used, a browser gets the page, which shows what is wrong, and other clients the problem.
func (s *Service) shared(w http.ResponseWriter, r *http.Request) error {
	text := strings.TrimPrefix(r.URL.EscapedPath(), "/s/")
	values, err := parse(text, pages...)
	var x *experiment
	if err == nil {
		x, err = s.previewed(r.Context(), values)
	}
	problem, bad := errors.AsType[*Problem](err)
	if err != nil && !(bad && strings.Contains(r.Header.Get("Accept"), "text/html")) {
		return err
	}
	page, header, fileErr := s.Host.File(r.Context(), "")
	if fileErr != nil {
		return fmt.Errorf("httpapi: the page: %w", fileErr)
	}
	opened := opening{experiment: text}
	if err == nil {
		opened.model = values.Get("model")
		values.Del("model") // the page has it in another part of its address
		opened.experiment = values.Encode()
	}
	if x != nil {
		opened.tags = x.tags(origin(r), r.URL.EscapedPath())
	}
	page, err = opened.rewrite(page)
	if err != nil {
		return err
	}
	h := w.Header()
	for _, name := range []string{"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy", "Cross-Origin-Resource-Policy"} {
		h.Set(name, strings.Replace(header.Get(name), noBase, ownBase, 1))
	}
	h.Add("Vary", "Accept")
	if bad {
		h.Set("Content-Type", htmlType)
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(problem.Status)
		w.Write(page)
		return nil
	}
	send(w, r, page, htmlType, checked)
	return nil
}

// pages are the parameters of the page's address that only the page uses.
var pages = []string{"mode", "variations", "resample", "jump", "keep"}

const (
	htmlType = "text/html; charset=utf-8"
	noBase   = "base-uri 'none'"
	ownBase  = "base-uri 'self'"
)

// previewed returns the experiment of the preview: at most 16 images, and as many as the
// service draws for one request. It is nil where it draws none, and for an inpainted
// picture, which only the visitor has.
func (s *Service) previewed(ctx context.Context, values url.Values) (*experiment, error) {
	x, err := s.experiment(ctx, values, engine.MaxN)
	if err != nil {
		return nil, err
	}
	if values.Get("mode") == "inpaint" {
		return nil, nil
	}
	n := min(*x.plan.N, maxImages)
	x.plan.N = &n
	for s.affordable(x) != nil {
		if n /= 2; n == 0 {
			return nil, nil
		}
	}
	x.enlarge()
	return x, nil
}

// enlarge scales the experiment's picture to the size of a preview.
func (x *experiment) enlarge() {
	width, height := x.sheet().size()
	x.scale = max(1, min(maxScale, previewSide/max(width, height)))
}

// about describes the experiment in words.
func (x *experiment) about() string {
	p := &x.plan
	about := fmt.Sprintf("%d steps of %s, guidance %g, seed %d", *p.Steps, p.Sampler, *p.Guidance, uint64(p.Seed))
	if p.Classifier != 0 {
		about += fmt.Sprintf(", classifier %g", p.Classifier)
	}
	if len(p.Names(x.model.Info)) > 0 {
		about = "class " + x.classes() + ", " + about
	}
	return about
}

// previewSide is about how large a preview is, in pixels: networks want some 200 to
// 600, and draw smaller ones blurred.
const previewSide = 560

// tags returns the Open Graph tags of the experiment at path (https://ogp.me), and
// those that Twitter's cards ask for besides.
func (x *experiment) tags(origin, path string) string {
	width, height := x.sheet().size()
	about := x.about()
	title := x.model.Info.Title + ", drawn by a diffusion model on your own machine"
	var b strings.Builder
	for _, tag := range [][2]string{
		{"og:type", "website"},
		{"og:title", title},
		{"og:description", about},
		{"og:url", origin + path},
		{"og:image", origin + x.address()},
		{"og:image:type", pngType},
		{"og:image:width", strconv.Itoa(width * x.scale)},
		{"og:image:height", strconv.Itoa(height * x.scale)},
		{"og:image:alt", about},
	} {
		fmt.Fprintf(&b, "<meta property=%q content=\"%s\">\n", tag[0], html.EscapeString(tag[1]))
	}
	b.WriteString("<meta name=\"twitter:card\" content=\"summary_large_image\">\n")
	return b.String()
}

// origin returns the scheme and host under which the client sees the site.
func origin(r *http.Request) string {
	u := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host}
	if u.Host == "" { // a server's request has only the path
		u.Scheme, u.Host = "http", r.Host
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto == "https" || r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// opening says how the page is opened.
type opening struct {
	model      string // its name, or "" for the page's own
	experiment string // as in the page's address
	tags       string // HTML
}

// rewrite returns the page opened so, with addresses relative to the site's root.
func (o opening) rewrite(page []byte) ([]byte, error) {
	text, base, data := string(page), "/", `data-experiment="`+html.EscapeString(o.experiment)+`" `
	if o.model != "" {
		base += "?model=" + url.QueryEscape(o.model)
		data += `data-model="` + folder + html.EscapeString(o.model+suffix) + `" ` // of two, the first counts
	}
	for _, change := range [][2]string{
		{`<meta charset="utf-8">`, `<meta charset="utf-8">` + "\n" + `<base href="` + html.EscapeString(base) + `">` + "\n" + o.tags},
		{noBase, ownBase},
		{`<body `, `<body ` + data},
	} {
		if !strings.Contains(text, change[0]) {
			return nil, fmt.Errorf("httpapi: the page lacks %s, where a shared experiment is inserted", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	return []byte(text), nil
}
