package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// participant is one way to do the work of a comparison. It works for at least the given time
// and returns the milliseconds of each repetition.
type participant func(ctx context.Context, least time.Duration) ([]float64, error)

// row is a row of the table: one of our measurements against a peer.
type row struct {
	Group string  `json:"group"`
	Work  string  `json:"work"`
	Peer  string  `json:"peer"`
	Unit  string  `json:"unit"`             // of Ours and Theirs
	Must  float64 `json:"must"`             // bound on the ratio
	Aim   float64 `json:"aim"`              // the goal for the ratio
	More  bool    `json:"more"`             // larger is better: the bounds are lower bounds
	Count float64 `json:"images,omitempty"` // of a rate: images per repetition
}

// result is a measured row.
type result struct {
	row
	Rounds int       `json:"rounds"`
	Ours   quartiles `json:"ours"`
	Theirs quartiles `json:"theirs"`
	Ratio  quartiles `json:"ratio"` // ours over the peer's, in each round
}

// value returns the value of a row for repetitions that took these milliseconds.
func (r *row) value(ms []float64) float64 {
	v := quartilesOf(ms).Median
	if r.Count > 0 {
		return r.Count / v * 1000
	}
	return v
}

// meets reports whether a measured ratio meets a bound.
func (r *row) meets(ratio, bound float64) bool {
	if r.More {
		return ratio >= bound
	}
	return ratio <= bound
}

// quartiles are the median and the quartiles of some values.
type quartiles struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func quartilesOf(values []float64) quartiles {
	sorted := slices.Sorted(slices.Values(values))
	return quartiles{quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)}
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

// How a comparison is timed.
const (
	leastTurn = 250 * time.Millisecond
	warmUp    = 1500 * time.Millisecond // of each participant: optimizing wasm compilers need that long
	settle    = 50 * time.Millisecond   // before a turn, because threads of the previous participant spin for a while
)

// comparison is several of our participants against one peer, on the same work: ours[i] gives
// rows[i].
type comparison struct {
	rows   []row
	ours   []participant
	theirs participant
}

// measure lets the participants take turns for a number of rounds. Ratios are computed within a
// round, so that a machine that slows down affects both sides.
func (c *comparison) measure(ctx context.Context, rounds int, progress func(string)) ([]result, error) {
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
		out = append(out, result{r, rounds, quartilesOf(ours[i]), quartilesOf(theirs[i]), quartilesOf(ratio[i])})
	}
	return out, nil
}

// tolerance bounds the difference between the sides' outputs, relative to the largest. They
// must run the same network with the same weights.
const tolerance = 1e-4

// compareOutputs returns an error if the outputs of both sides differ.
func compareOutputs(ours, theirs []float32) error {
	if len(ours) != len(theirs) || len(ours) == 0 {
		return fmt.Errorf("outputs must have the same number of numbers (got %d and %d)", len(ours), len(theirs))
	}
	worst, largest := 0.0, 0.0
	for i := range ours {
		largest = math.Max(largest, math.Abs(float64(theirs[i])))
		if d := math.Abs(float64(ours[i]) - float64(theirs[i])); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tolerance*largest) {
		return fmt.Errorf("outputs up to %[2]g differ by %.3[1]g, more than %[3]g of them: the sides do not compute the same", worst, largest, tolerance)
	}
	return nil
}
