package evaluate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/eval"
)

// report is what eval prints.
type report struct {
	*eval.Report
	Held       string       `json:"held_out"`          // source of the real pictures
	Classifier string       `json:"classifier"`        // its file
	Model      string       `json:"model,omitempty"`   // what generated the images, and how
	Request    *engine.Plan `json:"request,omitempty"` //
	SHA256     string       `json:"sha256,omitempty"`  // of the generated images
}

// print prints r, for people or as JSON.
func (r *report) print(cmd *cobra.Command, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	if r.RealN < r.N {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: there are only %d held-out pictures for %d images: this makes their distance larger and the ratio smaller\n", r.RealN, r.N)
	}
	if p := r.Request; p != nil {
		fmt.Fprintf(w, "%s: %s, %d steps, %d evaluations each, guidance %g, seed %d\n",
			output.Printable(r.Model), p.Sampler, *p.Steps, p.NFE, *p.Guidance, uint64(p.Seed))
	}
	tab := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tab, "\timages\treal\tratio\t\n")
	if r.Asked > 0 {
		fmt.Fprintf(tab, "class agreement\t%.2f %%\t%.2f %%\t\t\n", 100*r.Agreement, 100*r.Accuracy)
	}
	fmt.Fprintf(tab, "Fréchet distance\t%.4g\t%.4g\t%.3f\t\n", r.Drawn.Frechet, r.Real.Frechet, r.Ratio)
	fmt.Fprintf(tab, "kernel distance\t%.3g\t%.3g\t\t\n", r.Drawn.Kernel, r.Real.Kernel)
	fmt.Fprintf(tab, "precision\t%.3f\t%.3f\t\t\n", r.Drawn.Precision, r.Real.Precision)
	fmt.Fprintf(tab, "recall\t%.3f\t%.3f\t\t\n", r.Drawn.Recall, r.Real.Recall)
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d images compared with %d training pictures; real: mean over %d sets of %d pictures %s\n", r.N, r.Train, r.Draws, r.RealN, r.Held)
	if r.Asked > 0 && r.Agreement < 1 {
		fmt.Fprintln(w, r.weakest())
	}
	return nil
}

// weakest lists the classes with the lowest agreement, at most ten.
func (r *report) weakest() string {
	classes := slices.SortedStableFunc(slices.Values(r.Classes), func(a, b eval.Class) int { return cmp.Compare(a.Agreement, b.Agreement) })
	var parts []string
	for _, c := range classes[:min(10, len(classes))] {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", output.Printable(c.Name), 100*c.Agreement))
	}
	return "agreement by class: " + strings.Join(parts, ", ")
}
