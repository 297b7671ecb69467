package trainrun

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/await"
)

// draw writes a sheet of samples, always from the same noise: a column for each of up to 20
// classes, those with most pictures, or 64 images for a model without classes.
func (r *run) draw(ctx context.Context) error {
	if r.Sheet == nil {
		return nil
	}
	m, err := r.trainer.Model(r.Name)
	if err != nil {
		return err
	}
	if m.Config().Arch == model.Classifier {
		return nil // which generates no images
	}
	columns := r.columns()
	x, err := await.Result(ctx, func() (*tensor.Tensor, error) { return samples(ctx, m, columns, r.rows) })
	if err != nil {
		return err
	}
	titles := make([]string, len(columns))
	for i, c := range columns {
		if c >= 0 {
			titles[i] = r.Config.Model.Classes[c]
		}
	}
	path := filepath.Join(r.Dir, "samples", fmt.Sprintf("%06d.png", r.trainer.Done()))
	return r.Sheet(path, x, titles)
}

// drawnAtOnce is the images of one evaluation, between which a run can stop.
const drawnAtOnce = 16

// A sheet has so many rows, fewer if they would take a tenth of the time of the run, and at most
// so many columns of classes.
const (
	sheetRows  = 8
	mostTitles = 20
)

// columns returns the class of each column of a sheet, -1 for none.
func (r *run) columns() []int {
	c := &r.Config.Model
	if c.Labels() == 0 || len(c.Classes) == 0 {
		return []int{-1, -1, -1, -1, -1, -1, -1, -1}
	}
	counts := make([]int, len(c.Classes))
	for _, l := range r.Data.Labels {
		counts[l]++
	}
	class := make([]int, len(counts))
	for i := range class {
		class[i] = i
	}
	slices.SortStableFunc(class, func(a, b int) int { return counts[b] - counts[a] })
	class = class[:min(len(class), mostTitles)]
	slices.Sort(class)
	return class
}

// samples draws rows of images of the classes of the columns with the model's own defaults, until ctx ends.
func samples(ctx context.Context, m *model.Model, columns []int, rows int) (*tensor.Tensor, error) {
	c := m.Config()
	n := rows * len(columns)
	class := make([]int, n)
	for i := range class {
		class[i] = columns[i%len(columns)]
	}
	runner, err := m.NewRunner(drawnAtOnce, infer.Options{Fast: true, Workers: 2})
	if err != nil {
		return nil, err
	}
	var chain *diffusion.Chain
	if c.HasChain() {
		if chain, err = c.Chain(); err != nil {
			return nil, err
		}
	}
	low, high := c.SigmaRange()
	d := c.Defaults
	s := sampler.Settings{
		Method: d.Sampler, Steps: d.Steps, Eta: d.Eta, Schedule: sampler.Schedule{Kind: d.Schedule},
		Options: sampler.Options{CorrectorSteps: d.CorrectorSteps, Epsilon: d.Epsilon}, Posterior: c.Posterior,
	}
	sigmas, err := s.Sigmas(low, high, chain)
	if err != nil {
		return nil, err
	}
	noise := sampler.NewNoise(1, 0, n, c.Shape[1], c.Shape[2], c.Shape[0])
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		var out *tensor.Tensor
		for a := 0; a < n; a += drawnAtOnce { // an evaluation of all images can take long
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			b := min(n, a+drawnAtOnce)
			part, err := runner.Denoiser(class[a:b], float32(d.Guidance))(x.Rows(a, b), sigma)
			if err != nil {
				return nil, err
			}
			if out == nil {
				out = tensor.New(append([]int{n}, part.Shape[1:]...)...)
			}
			copy(out.Rows(a, b).Data, part.Data)
		}
		return out, nil
	}
	return sampler.Run(s, denoise, sampler.Start(noise, sigmas), sigmas, noise, nil)
}
