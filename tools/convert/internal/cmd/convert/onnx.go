package convert

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights/importer"
	"tweedie/weights/onnx"
)

// onnxFlags is the flags for what the graph of an ONNX file does not say.
type onnxFlags struct {
	inputs    onnx.Options
	process   string
	unit      bool
	timeShift float64
}

func (o *onnxFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.inputs.X, "input-x", "", "ONNX: name of the input for the image (default: the input with four axes)")
	f.StringVar(&o.inputs.T, "input-t", "", "ONNX: name of the input for the time")
	f.StringVar(&o.inputs.Y, "input-y", "", "ONNX: name of the input for the class")
	f.StringVar(&o.process, "process", "", "ONNX, score-sde: continuous-time process that IN was trained on, instead of a chain: vp, sub-vp, ve, smld or straight")
	f.BoolVar(&o.unit, "unit-pixels", false, "ONNX: pixels range from 0 to 1 instead of -1 to 1")
	f.Float64Var(&o.timeShift, "time-shift", 0, "ONNX: offset that is added to the time, after --time-scale: with -1 and 1, time runs from noise to data")
}

// read reads the network of an ONNX file, which it leaves open, and makes a model of it. It
// also returns what was found and assumed.
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
	if err := o.classes(c, net); err != nil {
		return nil, nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	cost := graph.CostOf(program)
	found = []string{fmt.Sprintf("a graph of %s, operators of version %d: %d operations here, %.4g GFLOP an evaluation",
		output.Producer(net.Producer), net.Opset, len(program.Nodes), float64(cost.FLOPs)/1e9)}
	name := strings.TrimSuffix(filepath.Base(path), modelfile.ONNXSuffix)
	m, err = model.New(name, c, net.Weights)
	return m, found, assumed, err
}

// classes names the classes of a network that takes them by their numbers.
func (o *onnxFlags) classes(c *model.Config, net *onnx.Network) error {
	if !net.Conditional {
		return nil
	}
	if net.Rows == 0 {
		return fmt.Errorf("the number of classes is not known, since the class is not looked up in a table")
	}
	for i := range net.Rows {
		c.Classes = append(c.Classes, strconv.Itoa(i))
	}
	return nil
}

// retimed returns the program of net with another t: scale·t + shift.
func retimed(net *onnx.Network, scale, shift float64) (*graph.Program, graph.Value, error) {
	if !(math.Abs(scale) <= 1e6 && math.Abs(shift) <= 1e6) {
		return nil, 0, flags.Misused("--time-scale and --time-shift must be from -1e6 to 1e6 (got %g and %g)", scale, shift)
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
