// Picture takes the screenshots of the page for README.md: page.png, after drawing images, and
// inpaint.png, after repainting half of a digit.
//
//	picture dist docs
//
// Run it in the module's root with make picture, which builds the site first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is main without the process around it. It returns the exit status.
func run(args []string, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintf(stderr, "picture: got %d arguments, want the folder of a site and the folder to write into\n", len(args))
		return 2
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	pictures, err := take(ctx, args[0])
	for name, png := range pictures {
		err = errors.Join(err, os.WriteFile(filepath.Join(args[1], name), png, 0o666))
	}
	if err != nil {
		fmt.Fprintf(stderr, "picture: %v\n", err)
		return 1
	}
	return 0
}

// settings are those of the images: 16 digits of all classes.
const settings = "#class=all&n=16&sampler=dpmpp2m&steps=20&guidance=1.3&seed=7"

const width, height = 1440, 900

// script controls the page. done waits for the current run. Images are drawn twice, since the
// time of the first run includes starting the workers.
const script = `
	const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
	const at = (id) => document.getElementById(id)
	const done = async () => {
		while (!['done', 'failed'].includes(document.body.dataset.state)) await wait(50)
		if (document.body.dataset.state === 'failed') throw new Error(at('error-text').textContent)
	}
	const draw = async () => {
		at('keep').checked = true
		at('go').click()
		await done()
		at('keep').checked = false
		await wait(1000) // the page estimates the time of the next run
	}
`

// generate draws images.
const generate = `(async () => {` + script + `
	await done()
	await draw()
})()`

// inpaint edits the 6 of the images: it paints a mask over the lower half and repaints that
// seven times, without a class.
const inpaint = `(async () => {` + script + `
	at('tab-inpaint').click()
	await wait(200)
	at('recent').querySelectorAll('button')[6].click()
	await wait(200)
	for (const chip of ['#class-chips [value="none"]', '#variations-chips [value="7"]']) document.querySelector(chip).click()
	at('brush-size').value = '14'
	at('brush-size').dispatchEvent(new Event('input', { bubbles: true }))
	const canvas = at('mask-canvas'), box = canvas.getBoundingClientRect()
	const pointer = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
		bubbles: true, cancelable: true, isPrimary: true, pointerId: 1, pointerType: 'mouse', button: 0, buttons: type === 'pointerup' ? 0 : 1,
		clientX: box.left + x * box.width, clientY: box.top + y * box.height,
	}))
	pointer('pointerdown', 0.1, 0.75)
	for (let x = 0.1; x <= 0.9; x += 0.05) pointer('pointermove', x, 0.75)
	pointer('pointerup', 0.9, 0.75)
	await draw()
})()`

// take serves a site and returns screenshots of it in Chromium, as PNG by name.
func take(ctx context.Context, site string) (map[string][]byte, error) {
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
	pictures := map[string][]byte{}
	for _, shown := range []struct{ name, script string }{{"page.png", generate}, {"inpaint.png", inpaint}} {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](shown.script, chromedp.EvalAwaitPromise, chromedp.EvalAsValue)); err != nil {
			return nil, fmt.Errorf("%s: %w", shown.name, err)
		}
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shown.name, err)
		}
		pictures[shown.name] = png
	}
	return pictures, nil
}
