// Package progress shows how far a command is.
package progress

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

// Bar is a progress bar on a terminal, and nothing elsewhere.
type Bar struct{ *progressbar.ProgressBar }

// NewBar returns a bar on w. It counts what is called unit.
func NewBar(w io.Writer, title, unit string) Bar {
	if !isTerminal(w) {
		return Bar{}
	}
	return Bar{progressbar.NewOptions(-1,
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

// At shows that done of total are done.
func (b Bar) At(done, total int) {
	if b.ProgressBar == nil {
		return
	}
	if b.GetMax() != total {
		b.ChangeMax(total)
	}
	b.Set(done)
}

// Finish takes the bar off the screen.
func (b Bar) Finish() {
	if b.ProgressBar != nil {
		b.Clear()
	}
}
