package trainrun

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"tweedie/weights"
)

// The colours of a plot of losses.
var (
	lossColor    = color.RGBA{0xb0, 0xb0, 0xb0, 0xff}
	heldOutColor = color.RGBA{0xc0, 0x30, 0x20, 0xff}
	trainedColor = color.RGBA{0x20, 0x60, 0xb0, 0xff}
)

// plot draws the loss, averaged over runs of steps, and the losses of the averaged weights
// on held-out and on training pictures, on two logarithmic axes.
func (r *run) plot() error {
	points := smoothed(r.trainer.Losses())
	if len(points) < 2 {
		return nil
	}
	p := plot.New()
	p.Title.Text = r.Name
	p.X.Label.Text, p.Y.Label.Text = "step", "loss"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks{}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, ticks{}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	var heldOut, trained plotter.XYs
	for _, j := range r.judged {
		if j.heldOut > 0 && j.trained > 0 {
			heldOut = append(heldOut, plotter.XY{X: float64(j.step), Y: j.heldOut})
			trained = append(trained, plotter.XY{X: float64(j.step), Y: j.trained})
		}
	}
	for _, l := range []struct {
		name   string
		points plotter.XYs
		color  color.Color
	}{{"training", points, lossColor}, {"averaged weights: training pictures", trained, trainedColor}, {"averaged weights: held-out pictures", heldOut, heldOutColor}} {
		if len(l.points) == 0 {
			continue
		}
		line, err := plotter.NewLine(l.points)
		if err != nil {
			return fmt.Errorf("trainrun: %w", err)
		}
		line.Color, line.Width = l.color, vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(l.name, line)
	}
	w, err := p.WriterTo(20*vg.Centimeter, 12*vg.Centimeter, "png")
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	return weights.WriteAtomic(filepath.Join(r.Dir, "loss.png"), b.Bytes())
}

// ticks are the ticks of a logarithmic axis at round numbers, each with its number.
type ticks struct{}

// Ticks implements plot.Ticker: 1, 2 and 5 times powers of ten, or evenly spaced round numbers
// where there are fewer than four of them, or powers of ten alone where there are more than twelve.
func (ticks) Ticks(low, high float64) []plot.Tick {
	var values []float64
	for _, each := range [][]float64{{1, 2, 5}, {1}} {
		values = nil
		for power := math.Floor(math.Log10(low)); power <= math.Ceil(math.Log10(high)); power++ {
			for _, digit := range each {
				if v := digit * math.Pow(10, power); v >= low && v <= high {
					values = append(values, v)
				}
			}
		}
		if len(values) <= 12 {
			break
		}
	}
	if len(values) < 4 {
		values = nil
		step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
		for _, digit := range []float64{5, 2} {
			if digit*step <= (high-low)/4 {
				step *= digit
				break
			}
		}
		for k := math.Ceil(low / step); k*step <= high; k++ {
			values = append(values, k*step)
		}
	}
	out := make([]plot.Tick, len(values))
	for i, v := range values {
		out[i] = plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)}
		if v >= 1e6 {
			out[i].Label = strconv.FormatFloat(v/1e6, 'g', 6, 64) + "M"
		} else if v >= 1e3 {
			out[i].Label = strconv.FormatFloat(v/1e3, 'g', 6, 64) + "k"
		}
	}
	return out
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
