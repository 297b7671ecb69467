package convert

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quant"
	"tweedie/core/quantize"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/weights"
)

// quantization is a value of --quant.
type quantization struct {
	name   string
	dtype  weights.DType // "" for mixed
	budget float64       // default of --budget, 0 if --budget has no effect
}

var quantizations = []quantization{
	{"f32", weights.F32, 0}, {"f16", weights.F16, 0}, {"int8", weights.I8, 0.93}, {"int4", weights.I4, 0}, {mixed, "", 0.56},
}

const mixed = "mixed"

// storage is the flags of how weights are stored and how the result is measured.
type storage struct {
	quant    string
	levels   int
	budget   float64
	fidelity fidelityFlags
}

// chosen returns the quantization that --quant names, nil if there is none of that name.
func (s *storage) chosen() *quantization {
	i := slices.IndexFunc(quantizations, func(q quantization) bool { return q.name == s.quant })
	if i < 0 {
		return nil
	}
	return &quantizations[i]
}

// names lists the quantizations.
func names() []string {
	var out []string
	for _, q := range quantizations {
		out = append(out, q.name)
	}
	return out
}

// add declares the flags.
func (s *storage) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.quant, "quant", "f32", "how weights are stored: f32, f16, int8, int4 or mixed; the last three round weights so that their errors compensate, int8 and mixed with a step size for each layer")
	f.IntVar(&s.levels, "levels", 0, "largest magnitude of the codes of every layer, with int8: a lower number makes a smaller, coarser model (default: chosen for each layer within --budget, some layers as f16)")
	f.Float64Var(&s.budget, "budget", 0, "most bytes per parameter, with int8 (default 0.93) and mixed (default 0.56)")
	s.fidelity.add(cmd)
	cmd.RegisterFlagCompletionFunc("quant", cobra.FixedCompletions(names(), cobra.ShellCompDirectiveNoFileComp))
}

// check refuses flags that do not go together, and fills in the defaults.
func (s *storage) check() error {
	q := s.chosen()
	if q == nil {
		return flags.Misused("--quant must be one of %s (got %q)", strings.Join(names(), ", "), s.quant)
	}
	if s.levels != 0 && s.quant != "int8" {
		return flags.Misused("--levels requires --quant int8 (got %s)", s.quant)
	}
	if s.levels < 0 || s.levels > quant.MaxCode {
		return flags.Misused("--levels must be from 1 to %d (got %d)", quant.MaxCode, s.levels)
	}
	if s.budget == 0 {
		s.budget = q.budget
	} else if q.budget == 0 || s.levels != 0 {
		return flags.Misused("--budget requires --quant mixed, or int8 without --levels (got %s)", s.quant)
	}
	if s.budget < 0 || s.budget > 4 || math.IsNaN(s.budget) {
		return flags.Misused("--budget must be above 0 and at most 4 bytes per parameter (got %g)", s.budget)
	}
	return s.fidelity.check()
}

// write writes the model m to path and returns how closely the result matches m.
func (s *storage) write(cmd *cobra.Command, path string, manifest *weights.Manifest, m *model.Model) (*fidelity, error) {
	as := weights.Storage{DType: s.chosen().dtype, Levels: s.levels}
	if as.DType == weights.F32 {
		return exact(m), s.writePlain(cmd, path, manifest, m, as)
	}
	compared := s.fidelity.asked(cmd, m)
	if as.DType == weights.F16 && compared {
		images, err := s.fidelity.draw(cmd, m, true)
		if err != nil {
			return nil, err
		}
		if err := s.writePlain(cmd, path, manifest, m, as); err != nil {
			return nil, err
		}
		return s.fidelity.compare(cmd, path, m, images)
	}
	if !compared && s.quant != mixed {
		return nil, s.writePlain(cmd, path, manifest, m, as)
	}
	return s.writeRounded(cmd, path, manifest, m, as, compared)
}

// writePlain writes m, rounding every number independently.
func (s *storage) writePlain(cmd *cobra.Command, path string, manifest *weights.Manifest, m *model.Model, as weights.Storage) (err error) {
	if as.DType == weights.I8 && as.Levels == 0 {
		if as.Levels, err = quantize.Levels8(m, s.budget); err != nil {
			return err
		}
	}
	w, err := weights.Create(path, manifest)
	if err != nil {
		return err
	}
	err = m.Each(func(d graph.Declared, numbers []float32) error {
		if cmd.Context().Err() != nil {
			return context.Cause(cmd.Context())
		}
		t, err := weights.Quantize(d.Name, d.Shape, numbers, as)
		if err != nil {
			return err
		}
		return w.Add(t)
	})
	return modelfile.Finish(w, err)
}

// writeRounded writes m with weights that are rounded so that its images change little,
// and compares the result with m if compared is true.
func (s *storage) writeRounded(cmd *cobra.Command, path string, manifest *weights.Manifest, m *model.Model, as weights.Storage, compared bool) (*fidelity, error) {
	w, err := weights.Create(path, manifest)
	if err != nil {
		return nil, err
	}
	images, err := s.fidelity.draw(cmd, m, compared)
	if err != nil {
		return nil, errors.Join(err, w.Abandon())
	}
	progress := progress.NewBar(cmd.ErrOrStderr(), "quantize", "layer")
	o := quantize.Options{Budget: s.budget, Folder: filepath.Dir(path), Progress: progress.At}
	var tensors *quantize.Tensors
	if as.DType == weights.I4 || as.Levels != 0 {
		tensors, err = quantize.Uniform(cmd.Context(), m, images.calibration, as, o)
	} else {
		o.Kinds = []weights.DType{weights.I8, weights.F16}
		if s.quant == mixed {
			o.Kinds = append(o.Kinds, weights.I4)
		}
		tensors, err = quantize.Mixed(cmd.Context(), m, images.calibration, o)
	}
	progress.Finish()
	if err != nil {
		return nil, errors.Join(err, w.Abandon())
	}
	err = errors.Join(tensors.Each(w.Add), tensors.Close())
	if err := modelfile.Finish(w, err); err != nil || !compared {
		return nil, err
	}
	return s.fidelity.compare(cmd, path, m, images)
}
