package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Timing is what the parts of an answer have taken, in their order. A nil Timing
// takes no notice.
type Timing struct{ parts []part }

// part is one of them, as the last event of a stream has it.
type part struct {
	Name  string  `json:"name"`
	MS    float64 `json:"ms"`
	About string  `json:"about,omitempty"`
}

// The parts that there are; a host may have others before them, as a start. What a
// host does not do, it does not name.
const (
	PartTurn     = "turn"     // waiting for one's turn to compute
	PartCopy     = "copy"     // bringing the bytes of the weights to the program
	PartUnpack   = "unpack"   // decompressing them, and laying them out for the network
	partEvaluate = "evaluate" // evaluations of the network, and a sampler's sums between them
	partEncode   = "encode"   // of the PNG
)

// Took notes a part that has ended; one that comes again has taken so much more.
func (t *Timing) Took(name string, d time.Duration) { t.add(name, "", d) }

func (t *Timing) add(name, about string, d time.Duration) {
	if t == nil {
		return
	}
	ms := float64(d.Round(time.Microsecond).Microseconds()) / 1e3
	if i := slices.IndexFunc(t.parts, func(p part) bool { return p.Name == name }); i >= 0 {
		t.parts[i].MS += ms
		return
	}
	t.parts = append(t.parts, part{name, ms, about})
}

// header is the value of Server-Timing (https://www.w3.org/TR/server-timing/): browsers
// show it beside a request, and hand it to scripts of the same site.
func (t *Timing) header() string {
	metrics := make([]string, len(t.parts))
	for i, p := range t.parts {
		metrics[i] = fmt.Sprintf("%s;dur=%g", p.Name, p.MS)
		if p.About != "" {
			metrics[i] += fmt.Sprintf(";desc=%q", p.About)
		}
	}
	return strings.Join(metrics, ", ")
}
