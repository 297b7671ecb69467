package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newPeers() *cobra.Command {
	var names []string
	var rounds int
	var work string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Measure Tweedie against other runtimes on the same networks",
		Long: `Peers installs other runtimes, gives them and Tweedie the same networks with the
same weights, checks that their outputs agree, and lets them take turns. The table
has medians, and quartiles of the ratio over the rounds. It has these groups of rows:

` + listGroups(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rounds < 1 {
				return fmt.Errorf("--rounds must be at least 1 (got %d)", rounds)
			}
			chosen, err := choose(names)
			if err != nil {
				return err
			}
			log, busy := cmd.ErrOrStderr(), load()
			r, err := newEnvironment(cmd.Context(), work, log)
			if err != nil {
				return err
			}
			s := &session{environment: r, ctx: cmd.Context(), rounds: rounds, progress: func(text string) { fmt.Fprintln(log, text) }}
			defer func() {
				if s.browser != nil {
					s.browser.close()
				}
			}()
			failed := each(chosen, func(g group) error { return g.measure(s) })
			if busy > 0.5 {
				fmt.Fprintf(log, "the load was %.1f at the start: other programs use the machine, which slows down peers with threads most; do not publish these results\n", busy)
			}
			return errors.Join(failed, s.report(cmd.OutOrStdout(), asJSON, busy)) // reports what was measured even after a failure
		},
	}
	cmd.Flags().StringSliceVar(&names, "rows", nil, "groups of rows, separated by commas (default: all)")
	cmd.Flags().IntVar(&rounds, "rounds", 9, "turns of each side")
	cmd.Flags().StringVar(&work, "work", ".cache/bench", "folder for installed packages and exported networks")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// load returns the load average of the last minute, 0 if the system does not provide it.
func load() (average float64) {
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Sscan(string(text), &average)
	}
	return average
}

func listGroups() string {
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "  %-8s%s\n", g.name, g.does)
	}
	return b.String()
}

// choose returns the groups of the given names, or all groups for none.
func choose(names []string) ([]group, error) {
	if len(names) == 0 {
		return groups, nil
	}
	var out []group
	for _, name := range names {
		g, ok := findGroup(name)
		if !ok {
			return nil, fmt.Errorf("--rows contains %q, which is none of\n%s", name, listGroups())
		}
		out = append(out, g)
	}
	return out, nil
}

// report prints the table of results, and then the profiles by operation.
func (s *session) report(w io.Writer, asJSON bool, busy float64) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"cores": runtime.NumCPU(), "load": busy, "go": runtime.Version(), "rows": s.results, "operations": s.profiles})
	}
	if len(s.results) > 0 {
		if err := table(w, s.results); err != nil {
			return err
		}
	}
	for _, p := range s.profiles {
		fmt.Fprintln(w)
		p.Print(w, p.Where)
	}
	return nil
}

// table prints results, one per line.
func table(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "rows\twork\tours\tpeer's\tunit\tours/peer's (quartiles)\tmust be\taim\t\tpeer")
	for _, r := range results {
		sign := "≤"
		if r.More {
			sign = "≥"
		}
		verdict := "misses the bound"
		switch {
		case r.meets(r.Ratio.Median, r.Aim):
			verdict = "reaches the aim"
		case r.meets(r.Ratio.Median, r.Must):
			verdict = "meets the bound"
		}
		fmt.Fprintf(t, "%s\t%s\t%.4g\t%.4g\t%s\t%.3f (%.3f to %.3f)\t%s %g\t%s %g\t%s\t%s\n", r.Group, r.Work, r.Ours.Median, r.Theirs.Median, r.Unit,
			r.Ratio.Median, r.Ratio.Low, r.Ratio.High, sign, r.Must, sign, r.Aim, verdict, r.Peer)
	}
	return t.Flush()
}
