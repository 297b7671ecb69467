package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// contestant is one way to do a piece of work. It is called for its turn, in which
// it works for at least the given time, and returns the milliseconds of each piece.
type contestant func(ctx context.Context, least time.Duration) ([]float64, error)

// row is a line of the table: one of ours against a peer.
type row struct {
	Group string  `json:"group"`
	Work  string  `json:"work"`
	Peer  string  `json:"peer"`
	Unit  string  `json:"unit"`             // of Ours and Theirs
	Must  float64 `json:"must"`             // bound on the ratio
	Aim   float64 `json:"aim"`              // what is hoped for
	More  bool    `json:"more"`             // larger is better: the bounds are from below
	Count float64 `json:"images,omitempty"` // of a rate: images of a piece of work
}

// result is a row as measured.
type result struct {
	row
	Rounds int    `json:"rounds"`
	Ours   spread `json:"ours"`
	Theirs spread `json:"theirs"`
	Ratio  spread `json:"ratio"` // of each round, ours over the peer's
}

// value returns what a row tells of pieces of work that took these milliseconds.
func (r *row) value(ms []float64) float64 {
	v := spreadOf(ms).Median
	if r.Count > 0 {
		return r.Count / v * 1000
	}
	return v
}

// met says whether a measured ratio keeps a bound.
func (r *row) met(ratio, bound float64) bool {
	if r.More {
		return ratio >= bound
	}
	return ratio <= bound
}

// spread is the middle of some values and their quartiles.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)}
}

// quantile interpolates linearly between sorted values (Hyndman and Fan 1996, type 7).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// How a contest is timed.
const (
	leastTurn = 250 * time.Millisecond
	warmUp    = 1500 * time.Millisecond // of each contestant: compilers of wasm take that long to do their best
	settle    = 50 * time.Millisecond   // before a turn: threads of the one before it spin for a while
)

// contest is several of ours against one peer, on the same work: ours[i] gives
// rows[i].
type contest struct {
	rows   []row
	ours   []contestant
	theirs contestant
}

// play lets the contestants take turns for a number of rounds. Ratios are taken
// within a round, so that a machine which slows down slows both sides.
func (c *contest) play(ctx context.Context, rounds int, progress func(string)) ([]result, error) {
	all := append(slices.Clone(c.ours), c.theirs)
	for _, take := range all {
		if _, err := take(ctx, warmUp); err != nil {
			return nil, err
		}
	}
	n := len(c.rows)
	ours, theirs, ratio := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	for round := range rounds {
		progress(fmt.Sprintf("%s %s: round %d of %d", c.rows[0].Group, c.rows[0].Work, round+1, rounds))
		times := make([][]float64, len(all))
		for i, take := range all {
			time.Sleep(settle)
			var err error
			if times[i], err = take(ctx, leastTurn); err != nil {
				return nil, err
			}
		}
		for i := range n {
			a, b := c.rows[i].value(times[i]), c.rows[i].value(times[n])
			ours[i], theirs[i], ratio[i] = append(ours[i], a), append(theirs[i], b), append(ratio[i], a/b)
		}
	}
	var out []result
	for i, r := range c.rows {
		out = append(out, result{r, rounds, spreadOf(ours[i]), spreadOf(theirs[i]), spreadOf(ratio[i])})
	}
	return out, nil
}

// tolerance bounds how far the sides' outputs may lie apart, as a part of the
// largest: they are to run the same network with the same weights.
const tolerance = 1e-4

// agree compares the outputs of both sides.
func agree(ours, theirs []float32) error {
	if len(ours) != len(theirs) || len(ours) == 0 {
		return fmt.Errorf("outputs of %d and %d numbers", len(ours), len(theirs))
	}
	worst, largest := 0.0, 0.0
	for i := range ours {
		largest = math.Max(largest, math.Abs(float64(theirs[i])))
		if d := math.Abs(float64(ours[i]) - float64(theirs[i])); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tolerance*largest) {
		return fmt.Errorf("outputs differ by %.3g of %.3g, need %g of it: the sides do not compute the same", worst, largest, tolerance)
	}
	return nil
}
