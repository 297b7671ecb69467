package convert

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"tweedie/core/diffusion"
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
	pixels    string
	timeShift float64
}

// velocityToData is the value of --prediction for the convention of flow matching: the network
// predicts data − noise, and its time runs from 0, noise, to 1, data.
const velocityToData = "velocity-to-data"

func (o *onnxFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.inputs.X, "input-x", "", "ONNX: name of the input for the image (default: the input with four axes)")
	f.StringVar(&o.inputs.T, "input-t", "", "ONNX: name of the input for the time")
	f.StringVar(&o.inputs.Y, "input-y", "", "ONNX: name of the input for the class")
	f.StringVar(&o.process, "process", "", "ONNX, score-sde: continuous-time process that IN was trained on, instead of a chain: vp, sub-vp, ve, smld or straight")
	f.StringVar(&o.pixels, "pixels", "", "ONNX: range of the pixels, such as 0,1 or -0.5,0.5 (default: -1,1)")
	f.BoolVar(&o.unit, "unit-pixels", false, "ONNX: short for --pixels 0,1")
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
	a := adaptation{cmp.Or(h.TimeScale, 1), o.timeShift, 1}
	h.TimeScale = 0
	process := o.process
	switch {
	case h.Prediction == velocityToData:
		if net.Learned {
			return nil, nil, nil, flags.Misused("--prediction %s needs as many channels of the output as of the input", velocityToData)
		}
		h.Prediction, process = string(diffusion.PredictVelocity), cmp.Or(process, diffusion.KindRectifiedFlow)
		if a.shift == 0 && a.scale > 0 {
			a.scale, a.shift = -a.scale, a.scale
		}
		a.sign = -1
	case h.Prediction == string(diffusion.PredictVelocity) && a.scale < 0:
		assumed = append(assumed, "the network predicts noise − data, although its time is turned: for data − noise, use --prediction "+velocityToData+" alone")
	}
	program, out := net.Program, net.Out
	if a != (adaptation{1, 0, 1}) {
		if program, out, err = a.of(net); err != nil {
			return nil, nil, nil, err
		}
	}
	c := &model.Config{Arch: model.Program, Shape: net.Shape}
	if err := o.setPixels(c); err != nil {
		return nil, nil, nil, err
	}
	if net.Learned {
		c.Variance = model.Learned
	}
	if c.Program, err = graph.Serialize(program, out); err != nil {
		return nil, nil, nil, err
	}
	supposed, err := h.Complete(c, process)
	if err != nil {
		return nil, nil, nil, err
	}
	assumed = slices.Concat(net.Assumed, assumed, supposed)
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

// setPixels sets the range of the pixels.
func (o *onnxFlags) setPixels(c *model.Config) error {
	if c.UnitPixels = o.unit; o.pixels == "" {
		return nil
	}
	var low, high float64
	first, last, ok := strings.Cut(o.pixels, ",")
	low, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
	if err == nil {
		high, err = strconv.ParseFloat(strings.TrimSpace(last), 64)
	}
	switch {
	case !ok || err != nil || !(high-low >= 1e-3 && math.Abs(low) <= 1e4 && math.Abs(high) <= 1e4):
		return flags.Misused("--pixels must be two increasing numbers with a comma between, such as -0.5,0.5 (got %q)", o.pixels)
	case o.unit:
		return flags.Misused("--pixels and --unit-pixels cannot be combined")
	case low == 0 && high == 1:
		c.UnitPixels = true
	case low != -1 || high != 1:
		c.PixelRange = &[2]float64{low, high}
	}
	return nil
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

// adaptation is what a network is given as t, scale·t + shift, and the sign of its output.
type adaptation struct{ scale, shift, sign float64 }

// of returns the program of net with that t and output.
func (a adaptation) of(net *onnx.Network) (*graph.Program, graph.Value, error) {
	if !(math.Abs(a.scale) <= 1e6 && math.Abs(a.shift) <= 1e6) {
		return nil, 0, flags.Misused("--time-scale and --time-shift must be from -1e6 to 1e6 (got %g and %g)", a.scale, a.shift)
	}
	p, moved := &graph.Program{}, map[graph.Value]graph.Value{}
	for _, d := range net.Program.Inputs {
		moved[d.Value] = p.Input(d.Name, d.Shape...)
	}
	for _, d := range net.Program.Params {
		moved[d.Value] = p.Param(d.Name, d.Init, d.Shape...)
	}
	t := net.Program.Inputs[1].Value
	moved[t] = p.Apply(graph.Affine{Scale: float32(a.scale), Shift: float32(a.shift)}, moved[t])
	for _, n := range net.Program.Nodes {
		var in []graph.Value
		for _, v := range append(append([]graph.Value{}, n.In...), n.Params...) {
			in = append(in, moved[v])
		}
		moved[n.Out] = p.Apply(n.Op, in...)
	}
	out := moved[net.Out]
	if a.sign != 1 {
		out = p.Apply(graph.Affine{Scale: float32(a.sign)}, out)
	}
	return p, out, p.Err()
}
