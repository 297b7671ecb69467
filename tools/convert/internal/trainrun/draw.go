package trainrun

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// draw writes a sheet of samples, always from the same noise: a column for each class, or
// 64 images for a model without classes.
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
	x, columns, err := samples(ctx, m)
	if err != nil {
		return err
	}
	path := filepath.Join(r.Dir, "samples", fmt.Sprintf("%06d.png", r.trainer.Done()))
	return r.Sheet(path, x, columns)
}

// drawnAtOnce is the images of one evaluation, between which a run can stop.
const drawnAtOnce = 16

// samples draws with the model's own defaults, until ctx ends.
func samples(ctx context.Context, m *model.Model) (x *tensor.Tensor, columns int, err error) {
	c := m.Config()
	n, columns := 64, 8
	class := make([]int, n)
	for i := range class {
		class[i] = -1
	}
	if k := len(c.Classes); k > 0 && k <= 20 {
		n, columns = 8*k, k
		class = make([]int, n)
		for i := range class {
			class[i] = i % k
		}
	}
	runner, err := m.NewRunner(drawnAtOnce, infer.Options{Fast: true, Workers: 2})
	if err != nil {
		return nil, 0, err
	}
	var chain *diffusion.Chain
	if c.HasChain() {
		if chain, err = c.Chain(); err != nil {
			return nil, 0, err
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
		return nil, 0, err
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
	x, err = sampler.Run(s, denoise, sampler.Start(noise, sigmas), sigmas, noise, nil)
	return x, columns, err
}

// plot draws the loss, averaged over runs of steps, on two logarithmic axes.
func (r *run) plot() error {
	losses := r.trainer.Losses()
	p := plot.New()
	p.Title.Text = r.Name
	p.X.Label.Text, p.Y.Label.Text = "step", "loss"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	points := smoothed(losses)
	if len(points) < 2 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	p.Add(plotter.NewGrid(), line)
	w, err := p.WriterTo(16*vg.Centimeter, 10*vg.Centimeter, "png")
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	return weights.WriteAtomic(filepath.Join(r.Dir, "loss.png"), b.Bytes())
}

// smoothed averages losses over intervals that grow by a twentieth, so that a
// logarithmic axis shows each alike.
func smoothed(losses []float32) plotter.XYs {
	var out plotter.XYs
	for from := 0; from < len(losses); {
		to := min(len(losses), from+1+from/20)
		sum := 0.0
		for _, l := range losses[from:to] {
			sum += float64(l)
		}
		if y := sum / float64(to-from); y > 0 && !math.IsInf(y, 0) {
			out = append(out, plotter.XY{X: float64(from+to+1) / 2, Y: y})
		}
		from = to
	}
	return out
}
