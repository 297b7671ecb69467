//go:build !js

package httpapi_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestShared(t *testing.T) {
	h := newFake(t)
	const experiment = "class=3&n=100&sampler=dpmpp2m&steps=20&guidance=1.3&seed=7&keep=1"
	w := h.get("http://example.test/s/"+experiment, "X-Forwarded-Proto", "https")
	page := w.Body.String()
	for _, want := range []string{
		`<base href="/">`, `<meta property="og:url" content="https://example.test/s/class=3&amp;n=100`,
		`<meta property="og:image" content="https://example.test/api/sample.png?class=3&amp;guidance=1.3&amp;model=mnist&amp;n=8&amp;`,
		`<body data-experiment="class=3&amp;guidance=1.3&amp;keep=1&amp;n=100&amp;`, "base-uri 'self'", `content="summary_large_image"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if w.Code != 200 || strings.Contains(page, "base-uri 'none'") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "base-uri 'self'") || w.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	_, rest, _ := strings.Cut(page, `og:image" content="https://example.test`)
	address, _, _ := strings.Cut(strings.ReplaceAll(rest, "&amp;", "&"), `"`)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("steps", "1")
	if w := h.get(u.Path + "?" + q.Encode()); w.Code != 200 {
		t.Errorf("the preview %s: status %d, %s", address, w.Code, w.Body)
	}
	if page := h.get("/s/mode=inpaint&variations=3&seed=1").Body.String(); strings.Contains(page, "og:image") || !strings.Contains(page, "data-experiment=\"mode=inpaint") {
		t.Error("a repainted picture has a preview, or no page")
	}
	if w := h.get("/s/model=nobody&classifier_guidance=2"); w.Code == 200 {
		t.Error("a classifier of an unknown model was accepted")
	}
	for _, want := range []string{`<base href="/?model=mnist">`, `<body data-experiment="seed=1" data-model="models/mnist.json" `} {
		if page := h.get("/s/model=mnist&seed=1").Body.String(); !strings.Contains(page, want) {
			t.Errorf("with a model, the page has no %s", want)
		}
	}
	hostile := h.get(`/s/class=%22%3E%3Cscript%3E`, "Accept", "text/html")
	if hostile.Code != 400 || strings.Contains(hostile.Body.String(), `"><script>`) || !strings.Contains(hostile.Body.String(), "data-experiment") || hostile.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("a browser with an unfit experiment: status %d, %v", hostile.Code, hostile.Header())
	}
}
