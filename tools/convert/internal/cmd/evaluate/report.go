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

// verdict is what eval prints.
type verdict struct {
	*eval.Report
	Held       string       `json:"held_out"`          // where the real pictures come from
	Classifier string       `json:"classifier"`        // its file
	Model      string       `json:"model,omitempty"`   // what was drawn from, and how
	Request    *engine.Plan `json:"request,omitempty"` //
	SHA256     string       `json:"sha256,omitempty"`  // of the images drawn
}

// print prints v, for people or as JSON.
func (v *verdict) print(cmd *cobra.Command, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(v)
	}
	if v.RealN < v.N {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %d pictures are held out, fewer than %d images: their distance is larger for that, and the ratio smaller\n", v.RealN, v.N)
	}
	if p := v.Request; p != nil {
		fmt.Fprintf(w, "%s: %s, %d steps, %d evaluations each, guidance %g, seed %d\n",
			output.Printable(v.Model), p.Sampler, *p.Steps, p.NFE, *p.Guidance, uint64(p.Seed))
	}
	tab := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tab, "\timages\treal\tratio\t\n")
	if v.Asked > 0 {
		fmt.Fprintf(tab, "class agreement\t%.2f %%\t%.2f %%\t\t\n", 100*v.Agreement, 100*v.Accuracy)
	}
	fmt.Fprintf(tab, "Fréchet distance\t%.4g\t%.4g\t%.3f\t\n", v.Drawn.Frechet, v.Real.Frechet, v.Ratio)
	fmt.Fprintf(tab, "kernel distance\t%.3g\t%.3g\t\t\n", v.Drawn.Kernel, v.Real.Kernel)
	fmt.Fprintf(tab, "precision\t%.3f\t%.3f\t\t\n", v.Drawn.Precision, v.Real.Precision)
	fmt.Fprintf(tab, "recall\t%.3f\t%.3f\t\t\n", v.Drawn.Recall, v.Real.Recall)
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d images against %d training pictures; real: mean of %d draws of %d %s\n", v.N, v.Train, v.Draws, v.RealN, v.Held)
	if v.Asked > 0 && v.Agreement < 1 {
		fmt.Fprintln(w, v.weakest())
	}
	return nil
}

// weakest names the classes that fare worst, at most ten.
func (v *verdict) weakest() string {
	classes := slices.SortedStableFunc(slices.Values(v.Classes), func(a, b eval.Class) int { return cmp.Compare(a.Agreement, b.Agreement) })
	var parts []string
	for _, c := range classes[:min(10, len(classes))] {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", output.Printable(c.Name), 100*c.Agreement))
	}
	return "agreement by class: " + strings.Join(parts, ", ")
}
