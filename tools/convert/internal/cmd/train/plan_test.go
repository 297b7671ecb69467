package train

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tweedie/core/dataset"
	"tweedie/core/train"
)

// pictures returns n noisy pictures of 8×8 of one class.
func pictures(n int) *dataset.Dataset {
	d := &dataset.Dataset{H: 8, W: 8, C: 1}
	random := rand.New(rand.NewPCG(1, 2))
	for range n * 64 {
		d.Images = append(d.Images, uint8(random.IntN(256)))
	}
	return d
}

// planFor plans for n pictures on a machine that trains the smallest network on so many a second.
func planFor(t *testing.T, n, speed int, limit time.Duration, strict bool) *plan {
	t.Helper()
	set := pictures(n)
	build := func(p preset) (*train.Config, error) {
		c, err := p.config(set)
		if err == nil {
			setSchedule(c, n)
		}
		return c, err
	}
	var smallest int64
	measure := func(_ context.Context, c *train.Config, _ *train.Data) (time.Duration, error) {
		p := plan{config: c}
		if err := p.size(); err != nil {
			return 0, err
		}
		if smallest == 0 {
			smallest = p.flops
		}
		return time.Duration(float64(time.Second) * float64(p.flops) / float64(smallest) / float64(speed)), nil
	}
	d := &train.Data{N: n, H: 8, W: 8, C: 1, Images: set.Images}
	p, err := newPlan(t.Context(), measure, candidates(), build, d, limit, strict)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.config.Validate(); err != nil {
		t.Fatal(err)
	}
	return p
}

// More time chooses a larger network and larger batches, and the steps fill nine tenths of the
// time.
func TestPlan(t *testing.T) {
	size := 0
	for _, limit := range []time.Duration{10 * time.Second, 10 * time.Minute, 3 * time.Hour, 100 * time.Hour} {
		p := planFor(t, 1000, 200, limit, true)
		c := p.config
		took := time.Duration(c.Steps*c.Batch) * p.image
		if got := float64(took) / float64(limit); !(math.Abs(got-forSteps) <= 0.02) || p.time != limit {
			t.Errorf("%v: the steps take %.3f of the time, want %g; time is %v", limit, got, forSteps, p.time)
		}
		if p.params < size || c.WarmUp > c.Steps/10 || c.DecayFrom < 1 || !c.Extendable() {
			t.Errorf("%v: network %s, warm-up %d of %d steps, decay from %d", limit, p.preset.name, c.WarmUp, c.Steps, c.DecayFrom)
		}
		size = p.params
		if text := strings.Join(p.words(), "\n"); !strings.Contains(text, p.preset.name) || !strings.Contains(text, "1000 pictures") {
			t.Errorf("%v: the plan says %q", limit, text)
		}
	}
	if short, long := planFor(t, 1000, 200, time.Minute, true), planFor(t, 1000, 200, 100*time.Hour, true); short.preset.name != "tiny" || long.preset.name != "base" || short.config.Batch >= long.config.Batch {
		t.Errorf("a minute chooses %s and batches of %d, 100 hours %s and %d", short.preset.name, short.config.Batch, long.preset.name, long.config.Batch)
	}
}

// Without --time few pictures take less than the usual time, and many take all of it.
func TestUsualPlan(t *testing.T) {
	if p := planFor(t, 50, 1000, usualTime, false); !p.capped || p.time != 0 || p.config.Steps*p.config.Batch > usualDraws || p.config.HeldOut != 0 {
		t.Errorf("50 pictures: time %v, %d steps of %d, %d held out", p.time, p.config.Steps, p.config.Batch, p.config.HeldOut)
	}
	if p := planFor(t, 4000, 100, usualTime, false); p.capped || p.time != usualTime || p.config.HeldOut != 128 {
		t.Errorf("4000 pictures: time %v, %d held out, want %v and 128", p.time, p.config.HeldOut, usualTime)
	}
}

// Pictures without a left and a right side are mirrored, letters are not.
func TestMirrored(t *testing.T) {
	letters, symmetric := pictures(200), pictures(200)
	for i := range 200 {
		for p := range 64 {
			x, y := p%8, p/8
			at := uint8(i * p % 16)
			if x == 1 || y == 1+i%3 && x < 4 {
				at += 200 // the stem of an F stands on the left
			}
			letters.Images[i*64+p] = at
			symmetric.Images[i*64+p] = uint8((x-i%8)*(x-i%8)+(y-i%5)*(y-i%5)) + symmetric.Images[i*64+p]%16
		}
	}
	if got := mirrored(letters); got <= mostMirrored {
		t.Errorf("letters: got ratio %.3f, want more than %g", got, mostMirrored)
	}
	if got := mirrored(symmetric); got > mostMirrored {
		t.Errorf("blobs anywhere: got ratio %.3f, want at most %g", got, mostMirrored)
	}
	if got := mirrored(pictures(20)); !math.IsInf(got, 1) {
		t.Errorf("20 pictures: got ratio %g, want +Inf", got)
	}
}
