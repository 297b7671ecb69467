package main

import (
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// plot draws a series on logarithmic axes, with a line for growth that is proportional to the
// work.
func (s *series) plot(dir string) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = s.Title, s.Varied, s.Costs
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = s.sizes(), plot.LogTicks{Prec: -1}
	measured, proportional := make(plotter.XYs, len(s.points)), make(plotter.XYs, len(s.points))
	first := s.points[0]
	for i, point := range s.points {
		x := float64(point.Size)
		measured[i] = plotter.XY{X: x, Y: point.Cost}
		proportional[i] = plotter.XY{X: x, Y: first.Cost * point.Work / first.Work}
	}
	p.Add(plotter.NewGrid())
	if err := plotutil.AddLinePoints(p, "measured", measured); err != nil {
		return err
	}
	line, err := plotter.NewLine(proportional)
	if err != nil {
		return err
	}
	line.Dashes = plotutil.Dashes(1)
	p.Add(line)
	p.Legend.Add("proportional to "+s.Proportional, line)
	p.Legend.Top, p.Legend.Left = true, true
	p.Y.Max *= 3 // room for the legend
	p.Title.Padding = 3 * vg.Millimeter
	for _, ending := range []string{".svg", ".png"} {
		if err := p.Save(14*vg.Centimeter, 10*vg.Centimeter, filepath.Join(dir, s.File+ending)); err != nil {
			return err
		}
	}
	return nil
}

// sizes returns the ticks of the measured points on the horizontal axis.
func (s *series) sizes() plot.ConstantTicks {
	var out plot.ConstantTicks
	for _, p := range s.points {
		out = append(out, plot.Tick{Value: float64(p.Size), Label: strconv.Itoa(p.Size)})
	}
	return out
}

var index = template.Must(template.New("").Funcs(template.FuncMap{"number": func(v float64) string { return fmt.Sprintf("%.4g", v) }}).Parse(`<!doctype html>
<meta charset="utf-8">
<title>How cost grows</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto } td, th { text-align: right; padding: 0 1em } img { max-width: 100% }</style>
<h1>How cost grows</h1>
<p>Both axes are logarithmic. The dashed line is growth proportional to the work.</p>
{{range .}}<h2>{{.Title}}</h2>
<img src="{{.File}}.svg" alt="{{.Costs}} against {{.Varied}}">
<table><tr><th>{{.Varied}}<th>{{.Costs}}<th>relative cost ÷ relative work</tr>
{{range .Rows}}<tr><td>{{.Size}}<td>{{number .Cost}}<td>{{if .Step}}{{number .Excess}}{{if .Worse}}, worse than proportional{{end}}{{end}}</tr>
{{end}}</table>
{{end}}`))

// tableRow is a point in the page's table.
type tableRow struct {
	point
	Step   bool // there is a previous point
	Excess float64
	Worse  bool
}

// Rows returns the rows of the page's table.
func (s *series) Rows() []tableRow {
	var out []tableRow
	for i, p := range s.points {
		r := tableRow{point: p, Step: i > 0}
		if r.Step {
			r.Excess = s.excess(i)
			r.Worse = !(r.Excess <= slack)
		}
		out = append(out, r)
	}
	return out
}

// writeIndex writes the page with the plots.
func writeIndex(dir string, all []*series) error {
	f, err := os.Create(filepath.Join(dir, "index.html"))
	if err != nil {
		return err
	}
	defer f.Close()
	return index.Execute(f, all)
}
