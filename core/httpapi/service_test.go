//go:build !js

package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tweedie/core/engine"
	"tweedie/core/httpapi"
	"tweedie/core/minijson"
)

const immutable = "public, max-age=31536000, immutable"

func TestCatalogue(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/models")
	for _, want := range []string{`"name":"mnist"`, `"about":"/api/models/other"`, `"card":"/models/mnist.md"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %s, want %s in it", w.Body, want)
		}
	}
	tag := w.Header().Get("ETag")
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-cache" || len(tag) < 10 {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	for _, same := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if w := h.get("/api/models", "If-None-Match", same); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: status %d, %d bytes, want 304 and none", same, w.Code, w.Body.Len())
		}
	}
	if w := h.get("/api/models", "If-None-Match", `"other"`); w.Code != 200 {
		t.Errorf("another tag: status %d, want 200", w.Code)
	}
	h.files["models/index.json"] = []byte(`{"models":[]}`)
	if w := h.get("/api/models"); w.Code != 500 {
		t.Errorf("an empty catalogue: status %d, want 500", w.Code)
	}
}

func TestModel(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/models/mnist")
	var got struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Card    string `json:"card"`
		Info    struct {
			Classes []string `json:"classes"`
		} `json:"info"`
		Limits struct {
			Images int `json:"images"`
			GFLOP  int `json:"gflop"`
		} `json:"limits"`
	}
	if err := minijson.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || got.Name != "mnist" || len(got.Version) != 12 || !strings.HasPrefix(got.Card, "#") ||
		len(got.Info.Classes) != 10 || got.Limits.Images != 16 || got.Limits.GFLOP != 100 {
		t.Errorf("status %d, %+v", w.Code, got)
	}
	before := got.Version
	h.files["models/mnist.json"] = append(h.files["models/mnist.json"], '\n')
	if after := h.get("/api/models/mnist"); strings.Contains(after.Body.String(), before) {
		t.Errorf("another manifest has the version %s too", before)
	}
	delete(h.files, "models/mnist.md")
	if w := h.get("/api/models/mnist"); w.Code != 200 {
		t.Errorf("without a card: status %d, want 200", w.Code)
	}
}

// TestPicture holds a sheet to the pixels of the engine, at two scales.
func TestPicture(t *testing.T) {
	h := newFake(t)
	e, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	r, err := engine.ParseRequest([]byte(`{"n": 3, "seed": 5, "steps": 2, "class": 4}`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []int{1, 3} {
		w := h.get(fmt.Sprintf("/api/sample.png?n=3&seed=5&steps=2&class=4&scale=%d", scale))
		if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("Cache-Control") != "no-cache" {
			t.Fatalf("status %d, %v, %s", w.Code, w.Header(), w.Body)
		}
		picture, err := png.Decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(56*scale, 56*scale) {
			t.Errorf("scale %d: found %v pixels", scale, size)
		}
		for y := range 56 * scale {
			for x := range 56 * scale {
				i, wanted := y/scale/28*2+x/scale/28, uint8(0)
				if i < 3 {
					wanted = want.Pixels[i*784+y/scale%28*28+x/scale%28]
				}
				if got := picture.(*image.Gray).GrayAt(x, y).Y; got != wanted {
					t.Fatalf("scale %d: pixel %d, %d is %d, want %d", scale, x, y, got, wanted)
				}
			}
		}
	}
}

// A picture may be kept for good only where its address names the version of the model and of
// the program; otherwise another model may take the place of this one.
func TestOnlyVersionedPicturesAreImmutable(t *testing.T) {
	h := newFake(t)
	plain := h.get("/api/sample.png?steps=1")
	place := plain.Header().Get("Content-Location")
	if cache := plain.Header().Get("Cache-Control"); cache != "no-cache" || !strings.Contains(place, "v=") {
		t.Errorf("without a version: Cache-Control is %q, Content-Location %q", cache, place)
	}
	versioned := h.get(place)
	if cache := versioned.Header().Get("Cache-Control"); cache != immutable || !bytes.Equal(versioned.Body.Bytes(), plain.Body.Bytes()) {
		t.Errorf("with a version: Cache-Control is %q", cache)
	}
	again := h.get("/api/sample.png?steps=1", "If-None-Match", plain.Header().Get("ETag"))
	if again.Code != 304 {
		t.Errorf("asked again: status %d, want 304", again.Code)
	}
	h.files["models/mnist.json"] = append(h.files["models/mnist.json"], '\n')
	if w := h.get(place); w.Code != 404 {
		t.Errorf("of a model that was replaced: status %d, want 404", w.Code)
	}
}

// TestKept asks for one experiment in several words: it is drawn once.
func TestKept(t *testing.T) {
	h := newFake(t)
	first := h.get("/api/sample.png?steps=2")
	place := first.Header().Get("Content-Location")
	parts := regexp.MustCompile(`^turn;dur=1\.5, evaluate;dur=([\d.]+);desc="2 evaluations", encode;dur=[\d.]+$`).FindStringSubmatch(first.Header().Get("Server-Timing"))
	if parts == nil || parts[1] == "0" {
		t.Errorf("Server-Timing is %q", first.Header().Get("Server-Timing"))
	}
	if h.runs != 1 || first.Header().Get("Cache-Status") != "tweedie; fwd=miss; stored" || !bytes.Equal(h.kept[place], first.Body.Bytes()) {
		t.Fatalf("%d runs, %v, kept %d pictures", h.runs, first.Header(), len(h.kept))
	}
	for _, path := range []string{place, "/api/sample.png?seed=0&n=1&steps=02&guidance=1.30&class=all&model=mnist&sampler=dpmpp2m&scale=1"} {
		w := h.get(path)
		if !bytes.Equal(w.Body.Bytes(), first.Body.Bytes()) || w.Header().Get("ETag") != first.Header().Get("ETag") || w.Header().Get("Cache-Status") != "tweedie; hit" || w.Header().Get("Server-Timing") != "" {
			t.Errorf("%s: %d bytes, %v", path, w.Body.Len(), w.Header())
		}
	}
	if w := h.get(place, "If-None-Match", first.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("the same tag: status %d, want 304", w.Code)
	}
	if w := h.get("/api/sample.png?steps=2&class=3,4"); w.Code != 200 || h.runs != 2 || w.Header().Get("Content-Location") == place {
		t.Errorf("other classes: status %d, %d runs, %s", w.Code, h.runs, w.Header().Get("Content-Location"))
	}
	sent := h.get(place).Header()
	for name := range h.headers[place] {
		if name != "Content-Type" && h.headers[place].Get(name) != sent.Get(name) {
			t.Errorf("header %s was kept as %q, sent as %q", name, h.headers[place].Get(name), sent.Get(name))
		}
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		path      string
		status    int
		parameter string
		detail    string
	}{
		{"/api/nothing", 404, "", `there is nothing at "/api/nothing"`},
		{"/s/", 404, "", `there is nothing at "/s/"`},
		{"/api/models/none", 404, "model", `model must be one of mnist or other (got "none")`},
		{"/api/sample.png?model=../x", 404, "model", "model must be one of"},
		{"/api/sample.png?modle=mnist", 400, "modle", "modle must be left out: there is no such setting; the settings are model, scale, v, n, seed"},
		{"/api/sample.png?seed=1&seed=2", 400, "seed", `seed must be given once (got "2")`},
		{"/api/sample.png?seed=-1", 400, "seed", `seed must be a whole number from 0 to 18446744073709551615 (got "-1")`},
		{"/api/sample.png?seed=18446744073709551616", 400, "seed", "seed must be a whole number"},
		{"/api/sample.png?steps=0", 400, "steps", "steps must be a whole number from 1 to 10000 (got 0)"},
		{"/api/sample.png?steps=many", 400, "steps", `steps must be a whole number from 1 to 10000 (got "many")`},
		{"/api/sample.png?sampler=magic", 400, "sampler", "magic"},
		{"/api/sample.png?sampler=", 400, "sampler", `(got "")`},
		{"/api/sample.png?eta=0.5", 400, "eta", "eta must be 0 with sampler dpmpp2m: only ddim takes it (got 0.5)"},
		{"/api/sample.png?eta=2&sampler=ddim", 400, "eta", "eta must be a number from 0 to 1 (got 2)"},
		{"/api/sample.png?guidance=NaN", 400, "guidance", "guidance must be a number of at least 0 (got NaN)"},
		{"/api/sample.png?guidance=-1", 400, "guidance", "guidance must be a number of at least 0 (got -1)"},
		{"/api/sample.png?class=10", 400, "class", `class must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8 or 9 (got "10")`},
		{"/api/sample.png?class=", 400, "class", `(got "")`},
		{"/api/sample.png?n=0", 400, "n", "n must be a whole number from 1 to 16 (got 0)"},
		{"/api/sample.png?n=17", 400, "n", "n must be a whole number from 1 to 16 (got 17)"},
		{"/api/sample.png?n=1e3", 400, "n", "n must be a whole number from 1 to 16 (got 1e3)"},
		{"/api/sample.png?scale=0", 400, "scale", "scale must be a whole number from 1 to 32 (got 0)"},
		{"/api/sample.png?n=16&scale=33", 400, "scale", "from 1 to 32"},
		{"/api/sample.png?v=0", 404, "v", "another version of the model"},
		{"/api/sample.png?%zz", 400, "%zz", `%zz must be escaped as in a URL: "%" stands before two hexadecimal digits`},
		{"/api/sample.png?seed=%4", 400, "seed", `seed must be escaped as in a URL: "%" stands before two hexadecimal digits (got "%4")`},
		{"/api/sample.png?seed=1;n=2", 400, "seed", `seed must be separated from the next parameter by "&"`},
		{"/api/sample.png?n=1&seed=" + strings.Repeat("1", 3000), 414, "seed", "seed must be shorter: the whole query may have 2048 bytes (got 3009)"},
		{"/api/sample.png?class=1" + strings.Repeat(",1", 600), 414, "class", "class must be shorter"},
		{"/api/stream?class=10", 400, "class", "class must be one of"},
		{"/api/stream?n=16&steps=1000", 422, "", "TWEEDIE_MAX_GFLOP is 100"},
		{"/s/class=10", 400, "class", "class must be one of"},
		{"/s/colour=red", 400, "colour", "the settings are model, mode, variations"},
	} {
		h := newFake(t)
		w := h.get(c.path)
		p := h.problemOf(w)
		if p.Status != c.status || p.Parameter != c.parameter || !strings.Contains(p.Detail, c.detail) || h.runs > 0 {
			t.Errorf("%s: got %+v, want %d, %q, %q; %d runs", c.path, p, c.status, c.parameter, c.detail, h.runs)
		}
	}
}

func TestMethodsAndBodies(t *testing.T) {
	h := newFake(t)
	w := h.ask(httptest.NewRequest("POST", "/api/models", nil))
	if p := h.problemOf(w); p.Status != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %+v, %v", p, w.Header())
	}
	if p := h.problemOf(h.ask(httptest.NewRequest("GET", "/api/models", strings.NewReader("x")))); p.Status != 413 {
		t.Errorf("a body: %+v", p)
	}
	if w := h.ask(httptest.NewRequest("HEAD", "/api/models", nil)); w.Code != 200 {
		t.Errorf("HEAD: status %d", w.Code)
	}
}

// TestWorkIsBounded: what is too much is refused before it begins, or, of an adaptive
// sampler, ended when it shows.
func TestWorkIsBounded(t *testing.T) {
	h := newFake(t)
	p := h.problemOf(h.get("/api/sample.png?n=16&steps=100"))
	if p.Status != 422 || p.Limit == nil || p.Limit.Name != "TWEEDIE_MAX_GFLOP" || p.Limit.Most != 100 || p.Limit.Found < 700 || h.runs != 0 {
		t.Errorf("got %+v, limit %+v, %d runs", p, p.Limit, h.runs)
	}
	e, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	n, steps, guidance := 8, 2, 3.0
	plan, err := e.Info().Check(engine.Request{N: &n, Steps: &steps, Guidance: &guidance, Sampler: "rk45"}, false)
	if err != nil {
		t.Fatal(err)
	}
	h.gflop = 1 + int64(float64(n)*e.Info().Work(plan)/1e9) // the least that it takes
	evaluations := 0
	h.yield = func() { evaluations++ }
	p = h.problemOf(h.get("/api/sample.png?n=8&steps=2&sampler=rk45&guidance=3"))
	if p.Status != 422 || p.Limit == nil || evaluations == 0 || len(h.kept) != 0 {
		t.Errorf("adaptive: got %+v after %d evaluations, %d kept", p, evaluations, len(h.kept))
	}
}

// TestClientGoes ends a run after its first evaluation.
func TestClientGoes(t *testing.T) {
	for _, path := range []string{"/api/sample.png?steps=50", "/api/stream?steps=50"} {
		h := newFake(t)
		ctx, cancel := context.WithCancel(t.Context())
		evaluations := 0
		h.yield = func() { evaluations++; cancel() }
		w := h.ask(httptest.NewRequest("GET", path, nil).WithContext(ctx))
		if evaluations != 1 || len(h.kept) != 0 || strings.Contains(w.Body.String(), "error") {
			t.Errorf("%s: %d evaluations, want 1; kept %d pictures; said %s", path, evaluations, len(h.kept), w.Body)
		}
	}
}

func TestBusyAndSlow(t *testing.T) {
	h := newFake(t)
	h.err = httpapi.ErrBusy
	w := h.get("/api/sample.png")
	if p := h.problemOf(w); p.Status != 503 || w.Header().Get("Retry-After") != "10" {
		t.Errorf("busy: %+v, %v", p, w.Header())
	}
	h.err = nil
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if p := h.problemOf(h.ask(httptest.NewRequest("GET", "/api/sample.png", nil).WithContext(ctx))); p.Status != 503 {
		t.Errorf("slow: %+v", p)
	}
}

// TestStream reads the events of a run; its picture is that of the other route.
func TestStream(t *testing.T) {
	h := newFake(t)
	w := h.get("/api/stream?seed=8&steps=3&n=2&class=none")
	if w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	var names []string
	var last string
	for event := range strings.SplitSeq(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("not an event: %q", event)
		}
		names, last = append(names, name), data
	}
	if got := strings.Join(names, " "); got != "start step step step done" {
		t.Errorf("events %s", got)
	}
	var done struct {
		URL   string `json:"url"`
		Image string `json:"image"`

		Timing []struct {
			Name  string  `json:"name"`
			MS    float64 `json:"ms"`
			About string  `json:"about"`
		} `json:"timing"`
	}
	if err := minijson.Unmarshal([]byte(last), &done); err != nil {
		t.Fatal(err)
	}
	if len(done.Timing) != 3 || done.Timing[1].Name != "evaluate" || done.Timing[1].About != "6 evaluations" || !(done.Timing[1].MS > 0) {
		t.Errorf("timing %+v", done.Timing)
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(done.Image, "data:image/png;base64,"))
	if err != nil || !bytes.Equal(data, h.kept[done.URL]) || !bytes.Equal(data, h.get(done.URL).Body.Bytes()) || h.runs != 1 {
		t.Errorf("%v; the picture of %s is another than the stream's; %d runs", err, done.URL, h.runs)
	}
	again := h.get("/api/stream?seed=8&steps=3&n=2&class=none").Body.String()
	if strings.Contains(again, "event: step") || !strings.Contains(again, done.Image) {
		t.Errorf("a stream of what is kept: %.200s", again)
	}
}

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

// FuzzQuery asks for a picture, and for a page, with any text: what can be used is
// refused for its work alone, everything else by a problem in words.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"class=3&n=4&seed=7", "class=none,3&guidance=0.5&eta=0&sampler=ddim", "seed=%31&steps=+1", "scale=2&v=x", "a=b;c", "n=1&n=2", "model=mnist&mode=inpaint"} {
		f.Add(seed)
	}
	h := newFake(f)
	h.gflop = 0
	f.Fuzz(func(t *testing.T, query string) {
		h.t = t
		r := httptest.NewRequest("GET", "/api/sample.png", nil)
		r.URL.RawQuery = query
		w := h.ask(r)
		if p := h.problemOf(w); p.Status/100 != 4 || p.Detail == "" {
			t.Errorf("%q: %+v", query, p)
		}
		r = httptest.NewRequest("GET", "/s/x", nil)
		r.URL.Path, r.URL.RawPath = "/s/"+query, "/s/"+url.PathEscape(query)
		if w := h.ask(r); w.Code != 200 && w.Code/100 != 3 && h.problemOf(w).Status/100 != 4 {
			t.Errorf("/s/%q: status %d", query, w.Code)
		}
	})
}
