package trainrun

import (
	"time"
)

// clock measures what the time of a run goes into, and says when it is up.
type clock struct {
	began   time.Time
	limit   time.Duration // 0 means none
	inSteps time.Duration // spent in steps since this process started
	steps   int           // taken since this process started
	recent  time.Duration // of one step, averaged over about fifty
	showing time.Duration // of the last sheet with all that is written beside it; 0 before the first
}

// step records the duration of a step.
func (c *clock) step(d time.Duration) {
	c.steps++
	c.inSteps += d
	if c.steps <= 2 {
		c.recent = d // without the first, which allocates
	}
	c.recent += (d - c.recent) / time.Duration(min(c.steps, 50))
}

// shown records the duration of a sheet.
func (c *clock) shown(d time.Duration) { c.showing = d }

// remaining returns the time that is left for steps if the run ends with a sheet.
func (c *clock) remaining(show time.Duration) time.Duration {
	return c.limit - time.Since(c.began) - show
}

// stepsIn returns how many steps fit in d, with a sheet of the given duration after every so
// many steps; 0 means no sheets.
func (c *clock) stepsIn(d, show time.Duration, every int) int {
	each := c.recent
	if every > 0 {
		each += show / time.Duration(every)
	}
	return int(max(0, d) / max(1, each))
}

// left returns the time that n steps take, with sheets.
func (c *clock) left(n int, show time.Duration, every int) time.Duration {
	sheets := 1
	if every > 0 {
		sheets += n / every
	}
	return time.Duration(n)*c.recent + time.Duration(sheets)*show
}
