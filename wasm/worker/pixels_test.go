//go:build !js

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tweedie/core/engine"
)

// experiments are those that the Worker, Chromium and the native engine draw.
var experiments = []struct {
	query   string // of the Worker
	request string // of the engine and of the page's module
}{
	{"class=3&seed=7&steps=6&n=4&scale=2", `{"class": 3, "seed": 7, "steps": 6, "n": 4}`},
	{"seed=18446744073709551615&sampler=ddim&eta=0.5&steps=4&guidance=3&n=2", `{"seed": "18446744073709551615", "sampler": "ddim", "eta": 0.5, "steps": 4, "guidance": 3, "n": 2}`},
	{"class=8&seed=3&steps=4&guidance=0&classifier_guidance=4", `{"class": "8", "seed": 3, "steps": 4, "guidance": 0, "classifier_guidance": 4}`},
	{"class=none&seed=11&sampler=heun&steps=3&guidance=1", `{"class": "none", "seed": 11, "sampler": "heun", "steps": 3, "guidance": 1, "n": 1}`},
}

// TestSamePixels holds the Worker's PNG to the native engine's pixels, and the page's,
// which the Worker serves, in Chromium.
func TestSamePixels(t *testing.T) {
	w := open(t)
	c := w.as(t, "10.0.0.4")
	browser := inChromium(t, w.URL)
	for _, e := range experiments {
		want := drawn(t, e.request)
		a := c.get("/api/sample.png?" + e.query)
		if a.status != 200 {
			t.Fatalf("%s: status %d, %s", e.query, a.status, a.body)
		}
		if got := pixelsOf(t, a.body, want.Shape); !bytes.Equal(got, want.Pixels) {
			t.Errorf("%s: the Worker's pixels %s are not the native ones, %s", e.query, engine.Digest(got), want.SHA256())
		}
		if got := browser(e.request); got != want.SHA256() {
			t.Errorf("%s: Chromium's pixels %s are not the native ones, %s", e.query, got, want.SHA256())
		}
	}
}

// pixelsOf cuts a gray sheet into images [N,H,W,C], and sees that its pixels are
// squares of one colour.
func pixelsOf(t testing.TB, data []byte, shape [4]int) []uint8 {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	gray, ok := picture.(*image.Gray)
	if !ok {
		t.Fatalf("the PNG is a %T, need gray", picture)
	}
	n, h, w := shape[0], shape[1], shape[2]
	columns := 1
	for columns*columns < n {
		columns++
	}
	scale := gray.Bounds().Dx() / (columns * w)
	out := make([]uint8, 0, n*h*w)
	for i := range n {
		for y := range h {
			for x := range w {
				px, py := (i%columns*w+x)*scale, (i/columns*h+y)*scale
				v := gray.GrayAt(px, py).Y
				if last := gray.GrayAt(px+scale-1, py+scale-1).Y; last != v {
					t.Fatalf("pixel %d, %d of image %d is %d and %d", x, y, i, v, last)
				}
				out = append(out, v)
			}
		}
	}
	return out
}

// tab returns a tab of a Chromium, which ends with the test.
func tab(t testing.TB) context.Context {
	t.Helper()
	program := os.Getenv("TWEEDIE_CHROMIUM")
	if program == "" {
		var err error
		if program, err = exec.LookPath("chromium"); err != nil {
			t.Fatal("no Chromium found: install the Debian package chromium, or name a browser in TWEEDIE_CHROMIUM")
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	return ctx
}

// inChromium opens the page at url and returns what draws a request with its module
// and returns the SHA-256 of the pixels.
func inChromium(t testing.TB, url string) func(request string) string {
	t.Helper()
	ctx := tab(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"favicon.svg")); err != nil { // the page itself would begin to draw
		t.Fatal(err)
	}
	return func(request string) string {
		t.Helper()
		script := fmt.Sprintf(`(async () => {
			const { load } = await import('/tweedie.js')
			const model = await load('/models/mnist.json', { workers: 2 })
			const request = %s
			if (request.classifier_guidance) await model.classify('/models/mnist-classifier.json')
			const { sha256 } = await model.sample(request)
			model.close()
			return sha256
		})()`, request)
		data, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
		if err != nil {
			t.Fatal(err)
		}
		var sum string
		if err := json.Unmarshal(data, &sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
}

// TestSharedPage opens a shared experiment in Chromium: the page draws it, its address
// becomes the page's own, and its link is one that has a preview again.
func TestSharedPage(t *testing.T) {
	w := open(t)
	want := drawn(t, `{"class": 5, "seed": 31, "steps": 2, "n": 3, "guidance": 2}`)
	ctx := tab(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(w.URL+"s/model=mnist&class=5&n=3&steps=2&guidance=2&seed=31")); err != nil {
		t.Fatal(err)
	}
	const script = `(async () => {
		const sum = () => document.getElementById('sha256')?.dataset.sha256
		for (let i = 0; !(document.body.dataset.state === 'done' && sum()) && i < 1200; i++) await new Promise((resolve) => setTimeout(resolve, 50))
		navigator.clipboard.writeText = (text) => { copied = text }
		let copied = ''
		document.getElementById('copy-link')?.click()
		return [sum() ?? document.getElementById('notice-text')?.textContent ?? '', location.pathname, new URLSearchParams(location.hash.slice(1)).get('seed'), location.search, copied]
	})()`
	data, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if got[0] != want.SHA256() || got[1] != "/" || got[2] != "31" || got[3] != "?model=mnist" {
		t.Errorf("the page has drawn %q at %q, %q with seed %s, want %s at /, ?model=mnist with 31", got[0], got[1], got[3], got[2], want.SHA256())
	}
	path, ok := strings.CutPrefix(got[4], w.URL)
	if !ok || !strings.HasPrefix(path, "s/model=mnist&class=5&n=3&") || w.as(t, "10.0.0.6").get("/"+path).status != 200 {
		t.Errorf("the page's link is %q", got[4])
	}
}
