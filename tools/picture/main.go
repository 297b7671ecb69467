// Picture takes the picture of the page that README.md shows, once its sheet is drawn.
//
//	picture dist docs/page.png
//
// It is run in the module's root, by make picture, which builds the site first.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/chromedp/chromedp"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is main without the process around it. It returns the exit status.
func run(args []string, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintf(stderr, "picture: found %d arguments, need the folder of a site and a file to write\n", len(args))
		return 2
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	png, err := take(ctx, args[0])
	if err == nil {
		err = os.WriteFile(args[1], png, 0o666)
	}
	if err != nil {
		fmt.Fprintf(stderr, "picture: %v\n", err)
		return 1
	}
	return 0
}

// settings are those of the sheet: 16 digits in all their classes.
const settings = "#class=all&n=16&sampler=dpmpp2m&steps=20&guidance=1.3&seed=7"

const width, height = 1440, 900

// take serves a site and returns what Chromium shows of it, as PNG. The second sheet is
// taken: the first has its time with that of starting workers.
func take(ctx context.Context, site string) ([]byte, error) {
	files := http.FileServer(http.Dir(site))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(width, height), chromedp.Flag("hide-scrollbars", true))
	if program := os.Getenv("TWEEDIE_CHROMIUM"); program != "" {
		options = append(options, chromedp.ExecPath(program))
	}
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/"+settings)); err != nil {
		return nil, err
	}
	const drawn = `(async () => {
		const done = async () => {
			while (!['done', 'failed'].includes(document.body.dataset.state)) await new Promise((resolve) => setTimeout(resolve, 50))
			if (document.body.dataset.state === 'failed') throw new Error(document.getElementById('notice-text').textContent)
		}
		await done()
		const keep = document.getElementById('keep')
		keep.checked = true
		document.getElementById('go').click()
		await done()
		keep.checked = false
		await new Promise((resolve) => setTimeout(resolve, 1000)) // the time of the next is foretold
	})()`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](drawn, chromedp.EvalAwaitPromise, chromedp.EvalAsValue)); err != nil {
		return nil, err
	}
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}
