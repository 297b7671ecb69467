package engine

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/unet"
	"tweedie/weights"
)

// Open returns an engine for a model file. The error is one of package model, or names a
// default of the model that no request could use.
func Open(f *weights.File, o Options) (*Engine, error) {
	m, err := model.Open(f)
	if err != nil {
		return nil, err
	}
	e, err := Of(m, o)
	if err != nil {
		return nil, err
	}
	e.info.stored(f.Manifest)
	return e, nil
}

// Of returns an engine for a model, which need not come from a file. Errors are those of Open.
func Of(m *model.Model, o Options) (*Engine, error) {
	if m == nil {
		return nil, errors.New("engine: the model must not be nil")
	}
	if o.Chunk < 0 || o.Group < 0 || o.Workers < 0 {
		return nil, fmt.Errorf("engine: Chunk, Group and Workers must not be negative (got %d, %d and %d)", o.Chunk, o.Group, o.Workers)
	}
	if o.Size != (unet.Size{}) {
		var err error
		if m, err = m.Sized(o.Size); err != nil {
			return nil, err
		}
	}
	info, err := infoOf(m)
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	compact := o.Compact > 0 && m.Parameters() >= o.Compact
	if compact { // one image takes such a network long enough
		o.Chunk = cmp.Or(o.Chunk, o.Workers)
	}
	o.Chunk = cmp.Or(o.Chunk, chunk*o.Workers)
	most := o.Chunk
	if info.Unconditional { // a guided evaluation sends every image through the network twice
		most *= 2
	}
	how := infer.Options{Fast: o.Fast, Workers: o.Workers, Compact: compact}
	runner, err := m.NewRunner((most+o.Workers-1)/o.Workers, how)
	if err != nil {
		return nil, err
	}
	e := New(info, runner, o)
	e.model, e.runner, e.how = m, runner, how
	return e, nil
}

// Describe returns the Info of a model from its manifest alone. It can check requests
// where there are no weights.
func Describe(manifest *weights.Manifest) (Info, error) {
	m, err := model.Outline(manifest)
	if err != nil {
		return Info{}, err
	}
	info, err := infoOf(m)
	info.stored(manifest)
	return info, err
}

// stored fills in what only the model file knows.
func (i *Info) stored(m *weights.Manifest) {
	i.Bytes, i.Card = int64(m.Bytes()), minijson.RawMessage(m.Card)
}

// defaultSteps is for models without default steps, with the recommended sampler.
const defaultSteps = 20

// SamplersOf returns the samplers that suit a valid configuration, the recommended one first.
func SamplersOf(c *model.Config) []sampler.Method {
	var out []sampler.Method
	if c.Prediction != model.Consistency && c.Prediction != model.Class {
		out = slices.Clone(sampler.Methods)
	}
	for _, m := range sampler.Special {
		if m.Needs == sampler.NeedsConsistency && c.Prediction == model.Consistency ||
			m.Needs == sampler.NeedsVariances && c.Variance == model.Learned || m.Needs == sampler.NeedsPosterior && c.Posterior != nil ||
			m.Needs == sampler.NeedsDistilled && distilled(c) {
			out = append(out, m)
		}
	}
	for i := range out {
		if out[i].Takes == nil {
			out[i].Takes = []string{} // an empty list in JSON, not null
		}
	}
	return out
}

// distilled reports whether the model's own sampler is one for distilled models, which then has all of them.
func distilled(c *model.Config) bool {
	m, err := sampler.Lookup(c.Defaults.Sampler)
	return err == nil && m.Needs == sampler.NeedsDistilled
}

// infoOf describes a model. The error names a default that no request could use.
func infoOf(m *model.Model) (Info, error) {
	c, cost := m.Config(), m.Cost()
	if err := c.CheckDenoiser(); err != nil {
		return Info{}, fmt.Errorf("engine: %w", err)
	}
	info := Info{
		Name: m.Name(), Title: cmp.Or(c.Title, m.Name()), Shape: c.Shape, Classes: c.Classes, Unconditional: c.NullClass != nil,
		Parameters: int(cost.Params), FLOPs: cost.FLOPs, Samplers: SamplersOf(&c),
		Sigma: sigmaRange(&c),
		Defaults: Defaults{
			Sampler:  cmp.Or(c.Defaults.Sampler, SamplersOf(&c)[0].Name),
			Steps:    cmp.Or(c.Defaults.Steps, defaultSteps),
			Guidance: cmp.Or(c.Defaults.Guidance, 1),
			Eta:      c.Defaults.Eta,

			Threshold: c.Defaults.Threshold, Percentile: c.Defaults.Percentile, ThresholdMax: c.Defaults.ThresholdMax,

			Schedule: c.Defaults.Schedule, Shift: flowShift(&c, c.Shape), CorrectorSteps: c.Defaults.CorrectorSteps, Epsilon: c.Defaults.Epsilon,
		},
		SIMD: vectors,

		config: &c, multiple: multiple(&c),

		labels: c.Labels(), posterior: c.Posterior,
	}
	if info.Classes == nil {
		info.Classes = []string{} // an empty list in JSON, not null
	}
	if c.HasChain() {
		chain, err := c.Chain()
		if err != nil {
			return Info{}, err
		}
		info.chain, info.Chain = chain, chain.Steps()
	}
	if p := c.Process; p != nil && p.Kind == diffusion.KindSMLD {
		info.Levels = p.LevelCount()
	}
	info.Settings = info.settings()
	if _, err := info.Check(Request{}, false); err != nil {
		return Info{}, fmt.Errorf("engine: the model's defaults: %w", err)
	}
	return info, nil
}

// flowShift returns the model's own shift of schedule flow for images of a shape, or 0 if it has none.
func flowShift(c *model.Config, shape [3]int) float64 {
	if by := c.Defaults.ShiftBySize; by != nil {
		return by.Shift(shape[1], shape[2])
	}
	return c.Defaults.Shift
}

func sigmaRange(c *model.Config) SigmaRange {
	low, high := c.SigmaRange()
	return SigmaRange{low, high}
}
