package progress

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// Every is how often a line is written where there is no terminal.
const Every = 10 * time.Second

// Stage shows how far a part of a command is: a bar on a terminal, a line every
// ten seconds elsewhere.
type Stage struct {
	cmd   *cobra.Command
	title string
	unit  string
	Note  string // said after the numbers
	bar   Bar
	last  time.Time
}

// NewStage returns a stage of cmd that counts what is called unit.
func NewStage(cmd *cobra.Command, title, unit string) *Stage {
	return &Stage{cmd: cmd, title: title, unit: unit, bar: NewBar(cmd.ErrOrStderr(), title, unit), last: time.Now()}
}

// At shows that done of total are done.
func (s *Stage) At(done, total int) {
	if s.bar.ProgressBar != nil {
		s.bar.Describe(s.title + s.Note)
		s.bar.At(done, total)
		return
	}
	if time.Since(s.last) >= Every {
		s.last = time.Now()
		fmt.Fprintf(s.cmd.ErrOrStderr(), "%s: %d of %d%s\n", s.title, done, total, s.Note)
	}
}

// Finish ends the stage.
func (s *Stage) Finish() { s.bar.Finish() }
