package profile

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// maxShapes is the number of rows in the second table of Print.
const maxShapes = 12

// Print writes a report as two tables: by kind of operation, and the most expensive shapes. The
// columns of peak are 0 without vectors.
func (r *Report) Print(w io.Writer, where string) {
	arithmetic := "exact"
	if r.Fast {
		arithmetic = "fast"
	}
	fmt.Fprintf(w, "%s, %s, %s, batch %d, one core: %.3f ms, peak %.1f GFLOP/s\n", r.Model, where, arithmetic, r.Batch, r.Total.MS, r.Peak)
	printHeader(w, "operation")
	for _, l := range r.Kinds {
		l.print(w)
	}
	r.Total.print(w)
	printHeader(w, "the most expensive shapes")
	for _, l := range r.Shapes[:min(maxShapes, len(r.Shapes))] {
		l.print(w)
	}
}

// column is the width of the names. It is in characters, while %-*s counts bytes, and names
// contain ×.
const column = 48

func printHeader(w io.Writer, title string) {
	fmt.Fprintf(w, "  %-*s %5s %10s %6s %9s %9s %8s\n", column, title, "count", "ms", "time", "GFLOP", "GFLOP/s", "of peak")
}

func (l Line) print(w io.Writer) {
	pad := max(0, column-utf8.RuneCountInString(l.Name))
	fmt.Fprintf(w, "  %s%*s %5d %10.3f %5.1f%% %9.3f %9.1f %7.1f%%\n",
		l.Name, pad, "", l.Count, l.MS, 100*l.Share, float64(l.FLOPs)/1e9, l.GFLOPS, 100*l.OfPeak)
}

// median returns the median of values, which it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
