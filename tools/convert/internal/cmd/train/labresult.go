package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"slices"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"tweedie/core/lab"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/output"
)

// labResult is what lab prints.
type labResult struct {
	Distribution string             `json:"distribution"`
	Objective    string             `json:"objective"`
	ScoreOff     map[string]float64 `json:"score_off,omitempty"` // error as a fraction of the score, by noise level; only of learned scores
	Sampler      string             `json:"sampler"`
	Evaluations  int                `json:"evaluations"`        // of D or of the density, for each point
	Taken        float64            `json:"taken,omitempty"`    // fraction of accepted steps, of mala and hmc
	Diverged     int                `json:"diverged,omitempty"` // points that left for infinity: the distance leaves them out
	Distance     float64            `json:"sliced_wasserstein"`
	Expected     float64            `json:"expected"` // upper bound of the mean for as many points of the distribution itself
}

// withinReach returns the points within a distance of 1000 from the origin, and how many
// are not: the distributions lie within 2, so that those diverged.
func withinReach(x *tensor.Tensor) (*tensor.Tensor, int) {
	var kept []float32
	for i := range x.Shape[0] {
		row := x.Row(i)
		if length := math.Hypot(float64(row[0]), float64(row[1])); length <= 1000 {
			kept = append(kept, row...)
		}
	}
	n := len(kept) / 2
	return tensor.Of(kept, n, 1, 1, 2), x.Shape[0] - n
}

// print prints r, for people or as JSON.
func (r *labResult) print(cmd *cobra.Command, asJSON bool, n int) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var levels []string
	for level := range r.ScoreOff {
		levels = append(levels, level)
	}
	slices.Sort(levels)
	for _, level := range levels {
		fmt.Fprintf(w, "relative error of the score at noise level %s: %.1f %%\n", level, 100*r.ScoreOff[level])
	}
	if r.Taken > 0 {
		fmt.Fprintf(w, "accepted steps: %.0f %%\n", 100*r.Taken)
	}
	if r.Diverged > 0 {
		fmt.Fprintf(w, "%d of %d points diverged and are left out; %s\n", r.Diverged, n, divergedAdvice)
	}
	_, err := fmt.Fprintf(w, "%d points, %s, %d evaluations each: sliced Wasserstein distance %.4f (points of the distribution itself: at most %.4f on average)\n",
		n-r.Diverged, r.Sampler, r.Evaluations, r.Distance, r.Expected)
	return err
}

// labPlot draws points over as many of the distribution itself.
func labPlot(law lab.Mixture, x *tensor.Tensor) ([]byte, error) {
	p := plot.New()
	for _, layer := range []struct {
		name string
		x    *tensor.Tensor
		c    color.Color
	}{{"distribution", law.Sample(x.Shape[0], 7), color.Gray{0xC0}}, {"samples", x, output.Hue(5)}} {
		points := make(plotter.XYs, x.Shape[0])
		for i := range points {
			points[i] = plotter.XY{X: float64(layer.x.Row(i)[0]), Y: float64(layer.x.Row(i)[1])}
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return nil, fmt.Errorf("plot: %w", err)
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: layer.c, Radius: vg.Points(0.8), Shape: draw.CircleGlyph{}}
		p.Add(dots)
		p.Legend.Add(layer.name, dots)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -1.6, 1.6, -1.6, 1.6
	p.Legend.Top = true
	w, err := p.WriterTo(14*vg.Centimeter, 14*vg.Centimeter, "png")
	if err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	var b bytes.Buffer
	_, err = w.WriteTo(&b)
	return b.Bytes(), err
}
