package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// isTerminal reports whether w is a terminal that a person watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// bar is a progress bar on a terminal, and nothing elsewhere.
type bar struct{ *progressbar.ProgressBar }

// newBar returns a bar on w. It counts what is called unit.
func newBar(w io.Writer, title, unit string) bar {
	if !isTerminal(w) {
		return bar{}
	}
	return bar{progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(65e6), // ns
		progressbar.OptionClearOnFinish(),
	)}
}

// at shows that done of total are done.
func (b bar) at(done, total int) {
	if b.ProgressBar == nil {
		return
	}
	if b.GetMax() != total {
		b.ChangeMax(total)
	}
	b.Set(done)
}

// finish takes the bar off the screen.
func (b bar) finish() {
	if b.ProgressBar != nil {
		b.Clear()
	}
}
