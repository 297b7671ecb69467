package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"tweedie/core/graph"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights/onnx"
)

// inspectONNX prints the contents of an ONNX file, and whether its graph can be run.
func inspectONNX(w io.Writer, path string, asJSON bool) error {
	d, err := onnx.Describe(path)
	if err != nil {
		return err
	}
	var runs string
	var say []string
	net, unfit := onnx.Read(path, onnx.Options{})
	if unfit == nil {
		defer net.Close()
		cost := graph.CostOf(net.Program)
		runs = fmt.Sprintf("yes, as %d operations, %.4g GFLOP an evaluation", len(net.Program.Nodes), float64(cost.FLOPs)/1e9)
		say = unsaid(net)
	} else {
		runs = "no: " + unfit.Error()
	}
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			*onnx.Description
			Runs    bool     `json:"runs"`
			How     string   `json:"how"`
			Convert []string `json:"convert,omitempty"`
		}{d, unfit == nil, runs, say})
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	port := func(kind string, p onnx.Port) {
		fmt.Fprintf(tab, "%s\t%s\t%s\t[%s]\n", kind, output.Printable(p.Name), p.Type, strings.Join(p.Shape, " "))
	}
	var operators []string
	for _, name := range slices.Sorted(maps.Keys(d.Operators)) {
		operators = append(operators, fmt.Sprintf("%s %d", output.Printable(name), d.Operators[name]))
	}
	fmt.Fprintf(tab, "file\t%s\nkind\tONNX, by %s\nparameters\t%d\noperators\tversion %d: %s\nruns\t%s\n",
		path, output.Producer(d.Producer), d.Parameters, d.Opset, strings.Join(operators, ", "), output.Printable(runs))
	for _, line := range say {
		fmt.Fprintf(tab, "convert\t%s\n", output.Printable(line))
	}
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

// unsaid returns what convert assumes of a network, and which flags say otherwise.
func unsaid(net *onnx.Network) []string {
	lines := append([]string{}, net.Assumed...)
	lines = append(lines,
		"the prediction is epsilon, unless --prediction says x0, v, velocity, velocity-to-data, edm or another",
		"the noise is that of a linear beta schedule of 1000 steps, unless --beta-schedule, --train-steps or --process says otherwise",
		"pixels range from -1 to 1, unless --pixels says 0,1 or another range")
	if net.Conditional {
		lines = append(lines, "no class means \"no class\", unless --null-class names one: it makes guidance possible")
	}
	return lines
}
