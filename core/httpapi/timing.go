package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Timing is the time that the parts of an answer took, in order. A nil Timing records
// nothing.
type Timing struct{ parts []part }

// part is one of them, as in the last event of a stream.
type part struct {
	Name  string  `json:"name"`
	MS    float64 `json:"ms"`
	About string  `json:"about,omitempty"`
}

// Names of the parts. A host may have others before them, such as its start.
const (
	PartTurn     = "turn"     // waiting for a slot to compute
	PartCopy     = "copy"     // copying the bytes of the weights to the program
	PartUnpack   = "unpack"   // decompressing them, and packing them for the network
	partEvaluate = "evaluate" // evaluations of the network and the sampler between them
	partEncode   = "encode"   // of the PNG
)

// Took records a part that has ended; the times of one name add up.
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

// header is the value of Server-Timing (https://www.w3.org/TR/server-timing/), which
// browsers show with a request and give to scripts of the same site.
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
