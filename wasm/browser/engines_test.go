//go:build !js

package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
)

// browser is a browser under test.
type browser interface {
	// open opens a page and waits until it is loaded. Some browsers close the previous page.
	open(url string) (tab, error)
}

// tab is an open page.
type tab interface {
	// eval runs statements in the page, without waiting for promises.
	eval(script string) error
	close()
}

// engineName is the browser of the tests: chromium, firefox or webkit.
func engineName() string {
	if name := os.Getenv("TWEEDIE_BROWSER"); name != "" {
		return name
	}
	return "chromium"
}

func startBrowser() (browser, error) {
	switch name := engineName(); name {
	case "chromium":
		return startChromium()
	case "firefox":
		return startFirefox()
	case "webkit":
		return startWebKit()
	default:
		return nil, fmt.Errorf("TWEEDIE_BROWSER is %q, want chromium, firefox or webkit", name)
	}
}

// program returns the program to run: that of the environment variable, or the first of
// names that is installed. The test fails if there is none, instead of being skipped.
func program(variable, debian string, names ...string) (string, error) {
	if name := os.Getenv(variable); name != "" {
		return name, nil
	}
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no %s found: install the Debian package %s, or name a program in %s", names[0], debian, variable)
}

// chromium is Chromium, driven by the DevTools protocol.
type chromium struct{ ctx context.Context }

func startChromium() (browser, error) {
	path, err := program("TWEEDIE_CHROMIUM", "chromium", "chromium", "chromium-browser", "google-chrome")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	closers = append(closers, stopAllocator, stopBrowser)
	return chromium{ctx}, chromedp.Do(ctx)
}

func (c chromium) open(url string) (tab, error) {
	ctx, stop := chromedp.NewContext(c.ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		stop()
		return nil, err
	}
	return chromiumTab{ctx, stop}, nil
}

type chromiumTab struct {
	ctx  context.Context
	stop func()
}

func (t chromiumTab) eval(script string) error {
	_, err := chromedp.Run(t.ctx, chromedp.Evaluate[[]byte]("(() => {"+script+"\n})()", chromedp.EvalAsValue))
	return err
}

func (t chromiumTab) close() { t.stop() }
