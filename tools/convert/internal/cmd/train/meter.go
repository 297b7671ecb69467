package train

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/tools/convert/internal/trainrun"
)

// meter shows the progress of a training run: a bar on a terminal, a line every ten
// seconds elsewhere, or JSON objects.
type meter struct {
	cmd  *cobra.Command
	bar  progress.Bar
	json *json.Encoder // nil unless --json
	last time.Time
}

func newMeter(cmd *cobra.Command, asJSON bool) *meter {
	m := &meter{cmd: cmd}
	if asJSON {
		m.json = json.NewEncoder(cmd.OutOrStdout())
	} else {
		m.bar = progress.NewBar(cmd.ErrOrStderr(), "train", "step")
	}
	return m
}

func (m *meter) show(p trainrun.Progress) {
	text := fmt.Sprintf("loss %.4f, %.0f images/s, %v left", p.Loss, p.Rate, p.Left.Round(time.Second))
	if m.bar.ProgressBar != nil {
		m.bar.Describe(text)
		m.bar.At(p.Step, p.Steps)
		return
	}
	if time.Since(m.last) < progress.Every && p.Step < p.Steps {
		return
	}
	m.last = time.Now()
	if m.json != nil {
		m.json.Encode(map[string]any{
			"step": p.Step, "steps": p.Steps, "loss": p.Loss, "images_per_second": p.Rate, "seconds_left": p.Left.Seconds(),
		})
		return
	}
	fmt.Fprintf(m.cmd.ErrOrStderr(), "step %d of %d: %s\n", p.Step, p.Steps, text)
}

// log prints a line for people, above the bar if there is one.
func (m *meter) log(format string, args ...any) {
	m.bar.Finish()
	fmt.Fprintf(m.cmd.ErrOrStderr(), format+"\n", args...)
}

func (m *meter) finish() { m.bar.Finish() }
