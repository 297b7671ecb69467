package sample

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/likelihood"
	"tweedie/tools/convert/internal/cmd/output"
)

// measured is what likelihood prints.
type measured struct {
	Model         string               `json:"model"`
	N             int                  `json:"n"`
	Split         string               `json:"split"`
	Unconditional bool                 `json:"unconditional,omitempty"`
	Settings      *likelihood.Settings `json:"settings,omitempty"`   // of the ODE
	Dequantize    int                  `json:"dequantise,omitempty"` //
	Evaluations   int                  `json:"evaluations"`          // of the network, per picture
	Mean          float64              `json:"bits_per_dim"`
	Error         *float64             `json:"standard_error,omitempty"` // of the mean over pictures; absent for one
	Bound         *boundTerms          `json:"bound,omitempty"`
	Bits          []float64            `json:"bits"` // per dimension, of each picture

	terms []engine.LikelihoodResult // of --bound, for each picture
}

// boundTerms are the means of a bound's terms, in bits per dimension.
type boundTerms struct {
	Prior float64   `json:"prior"` // L_T
	Steps []float64 `json:"steps"` // L_{t−1} for the paper's t = 2 … T
	Data  float64   `json:"data"`  // L_0
}

// sum fills in the means over pictures.
func (r *measured) sum() {
	var off float64
	if r.Mean, off = likelihood.Mean(r.Bits); r.N > 1 {
		r.Error = &off
	}
	if r.Settings != nil {
		return
	}
	n := float64(r.N)
	r.Bound = &boundTerms{Steps: make([]float64, len(r.terms[0].Bits)-1)}
	for _, t := range r.terms {
		r.Bound.Prior += t.Prior / n
		r.Bound.Data += t.Bits[0] / n
		for j, v := range t.Bits[1:] {
			r.Bound.Steps[j] += v / n
		}
	}
}

// stretch is the contribution of some steps of a chain to the bound.
type stretch struct {
	from, to int // the paper's t
	bits     float64
}

// parts returns the terms of the steps, summed over five stretches or as many as there are.
func (b *boundTerms) parts() (out []stretch) {
	n := len(b.Steps)
	for i := range min(5, n) {
		from, to := i*n/min(5, n), (i+1)*n/min(5, n)
		part := stretch{from: from + 2, to: to + 1}
		for _, v := range b.Steps[from:to] {
			part.bits += v
		}
		out = append(out, part)
	}
	return out
}

// print prints r, for people or as JSON.
func (r *measured) print(cmd *cobra.Command, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	what := "bits per dimension"
	if r.Bound != nil {
		what += ", at most"
	}
	fmt.Fprintf(w, "%s: %.4f", what, r.Mean)
	if r.Error != nil {
		fmt.Fprintf(w, " ± %.4f", *r.Error)
	}
	fmt.Fprintln(w)
	if b := r.Bound; b != nil {
		fmt.Fprintf(w, "prior %.4g, steps %.4f, data %.4f\n", b.Prior, r.Mean-b.Prior-b.Data, b.Data)
		for _, part := range b.parts() {
			fmt.Fprintf(w, "  steps %d to %d: %.4f\n", part.from, part.to, part.bits)
		}
	}
	fmt.Fprintf(w, "%s: %d pictures, %d evaluations each\n", output.Printable(r.Model), r.N, r.Evaluations)
	return nil
}
