package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/weights/importer"
	"tweedie/weights/onnx"
)

// onnxSuffix ends the names of ONNX files.
const onnxSuffix = ".onnx"

// onnxFlags say of an ONNX file what its graph does not.
type onnxFlags struct {
	inputs    onnx.Options
	process   string
	unit      bool
	nullClass int
	timeShift float64
}

func (o *onnxFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.inputs.X, "input-x", "", "ONNX: name of the input that is the image (default: the one of four axes)")
	f.StringVar(&o.inputs.T, "input-t", "", "ONNX: name of the input that is the time")
	f.StringVar(&o.inputs.Y, "input-y", "", "ONNX: name of the input that is the class")
	f.StringVar(&o.process, "process", "", "ONNX, score-sde: process in continuous time that IN was trained on, in place of a chain: vp, sub-vp, ve, smld or straight")
	f.BoolVar(&o.unit, "unit-pixels", false, "ONNX: pixels span [0,1], not [-1,1]")
	f.Float64Var(&o.timeShift, "time-shift", 0, "ONNX: what is added to the network's t, after --time-scale: with -1 and 1 time runs from noise to data")
	f.IntVar(&o.nullClass, "null-class", -1, "ONNX: number of the class that means none, for guidance")
}

// read reads the network of an ONNX file, which it leaves open, and its model, and
// returns what was found and supposed.
func (o *onnxFlags) read(path string, h importer.Hints) (net *onnx.Network, m *model.Model, found, assumed []string, err error) {
	o.inputs.Size = h.Size
	if net, err = onnx.Read(path, o.inputs); err != nil {
		return nil, nil, nil, nil, err
	}
	m, found, assumed, err = o.model(path, net, h)
	if err != nil {
		net.Close()
	}
	return net, m, found, assumed, err
}

// model makes a model of a network.
func (o *onnxFlags) model(path string, net *onnx.Network, h importer.Hints) (m *model.Model, found, assumed []string, err error) {
	scale := h.TimeScale
	if scale == 0 {
		scale = 1
	}
	h.TimeScale = 0
	program, out := net.Program, net.Out
	if scale != 1 || o.timeShift != 0 {
		if program, out, err = retimed(net, scale, o.timeShift); err != nil {
			return nil, nil, nil, err
		}
	}
	c := &model.Config{Arch: model.Program, Shape: net.Shape, UnitPixels: o.unit}
	if net.Learned {
		c.Variance = model.Learned
	}
	if c.Program, err = graph.Serialize(program, out); err != nil {
		return nil, nil, nil, err
	}
	supposed, err := h.Complete(c, o.process)
	if err != nil {
		return nil, nil, nil, err
	}
	assumed = append(net.Assumed, supposed...)
	if net.Learned {
		assumed = append(assumed, fmt.Sprintf("of the %d channels of the output the first %d are the prediction, the others a learned variance", 2*net.Shape[0], net.Shape[0]))
	}
	if err := o.classes(c, net, &assumed); err != nil {
		return nil, nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	cost := graph.CostOf(program)
	found = []string{fmt.Sprintf("a graph of %s, operators of version %d: %d operations here, %.4g GFLOP an evaluation",
		orUnknown(net.Producer), net.Opset, len(program.Nodes), float64(cost.FLOPs)/1e9)}
	name := strings.TrimSuffix(filepath.Base(path), onnxSuffix)
	m, err = model.New(name, c, net.Weights)
	return m, found, assumed, err
}

func orUnknown(producer string) string {
	if producer == "" {
		return "an unnamed program"
	}
	return printable(producer)
}

// classes names the classes of a network that takes them by their numbers.
func (o *onnxFlags) classes(c *model.Config, net *onnx.Network, assumed *[]string) error {
	if !net.Conditional {
		if o.nullClass >= 0 {
			return misused("--null-class is %d for a network without classes, need none", o.nullClass)
		}
		return nil
	}
	rows := net.Rows
	if rows == 0 {
		return fmt.Errorf("its class is not looked up in a table: how many there are is not known")
	}
	if o.nullClass >= rows {
		return misused("--null-class is %d, need one of the %d rows of the table of classes", o.nullClass, rows)
	}
	if o.nullClass >= 0 {
		c.NullClass = &o.nullClass
	}
	for i := range rows {
		if i != o.nullClass || i != rows-1 {
			c.Classes = append(c.Classes, strconv.Itoa(i))
		}
	}
	if o.nullClass < 0 {
		*assumed = append(*assumed, fmt.Sprintf("none of the %d classes means \"no class\", so there is no guidance: --null-class says otherwise", rows))
	}
	return nil
}

// retimed returns the program of net with another t: scale·t + shift.
func retimed(net *onnx.Network, scale, shift float64) (*graph.Program, graph.Value, error) {
	if !(math.Abs(scale) <= 1e6 && math.Abs(shift) <= 1e6) {
		return nil, 0, misused("--time-scale is %g and --time-shift %g, need at most 1e6", scale, shift)
	}
	p, moved := &graph.Program{}, map[graph.Value]graph.Value{}
	for _, d := range net.Program.Inputs {
		moved[d.Value] = p.Input(d.Name, d.Shape...)
	}
	for _, d := range net.Program.Params {
		moved[d.Value] = p.Param(d.Name, d.Init, d.Shape...)
	}
	t := net.Program.Inputs[1].Value
	moved[t] = p.Apply(graph.Affine{Scale: float32(scale), Shift: float32(shift)}, moved[t])
	for _, n := range net.Program.Nodes {
		var in []graph.Value
		for _, v := range append(append([]graph.Value{}, n.In...), n.Params...) {
			in = append(in, moved[v])
		}
		moved[n.Out] = p.Apply(n.Op, in...)
	}
	return p, moved[net.Out], p.Err()
}

// inspectONNX prints what is in an ONNX file, and whether its graph runs here.
func inspectONNX(w io.Writer, path string, asJSON bool) error {
	d, err := onnx.Describe(path)
	if err != nil {
		return err
	}
	runs := ""
	net, unfit := onnx.Read(path, onnx.Options{})
	if unfit == nil {
		defer net.Close()
		cost := graph.CostOf(net.Program)
		runs = fmt.Sprintf("as %d operations, %.4g GFLOP an evaluation", len(net.Program.Nodes), float64(cost.FLOPs)/1e9)
	} else {
		runs = "not: " + unfit.Error()
	}
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			*onnx.Description
			Runs bool   `json:"runs"`
			How  string `json:"how"`
		}{d, unfit == nil, runs})
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	port := func(kind string, p onnx.Port) {
		fmt.Fprintf(tab, "%s\t%s\t%s\t[%s]\n", kind, printable(p.Name), p.Type, strings.Join(p.Shape, " "))
	}
	var operators []string
	for _, name := range slices.Sorted(maps.Keys(d.Operators)) {
		operators = append(operators, fmt.Sprintf("%s %d", printable(name), d.Operators[name]))
	}
	fmt.Fprintf(tab, "file\t%s\nkind\tONNX, by %s\nparameters\t%d\noperators\tversion %d: %s\nruns\t%s\n",
		path, orUnknown(d.Producer), d.Parameters, d.Opset, strings.Join(operators, ", "), printable(runs))
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, p := range d.Inputs {
		port("input", p)
	}
	for _, p := range d.Outputs {
		port("output", p)
	}
	for _, p := range d.Tensors {
		port("tensor", p)
	}
	return tab.Flush()
}
