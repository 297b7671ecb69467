package onnx

import (
	"fmt"
	"strconv"
)

// Description describes the content of a file, whether or not its graph is supported.
type Description struct {
	Producer   string         `json:"producer"`
	Opset      int            `json:"opset"` // version of the operators
	Inputs     []Port         `json:"inputs"`
	Outputs    []Port         `json:"outputs"`
	Operators  map[string]int `json:"operators"` // number of nodes of each
	Tensors    []Port         `json:"tensors"`   // the initializers, in the order of the file
	Parameters int            `json:"parameters"`
}

// Port is an input, an output or a tensor. An axis that the file leaves open is "?".
type Port struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
}

// elementNames are TensorProto's types.
var elementNames = []string{"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"}

func portOf(name string, element int, dims []int64) Port {
	p := Port{Name: name, Type: strconv.Itoa(element), Shape: []string{}}
	if element >= 0 && element < len(elementNames) {
		p.Type = elementNames[element]
	}
	for _, d := range dims {
		text := "?"
		if d >= 0 {
			text = strconv.FormatInt(d, 10)
		}
		p.Shape = append(p.Shape, text)
	}
	return p
}

// Describe describes the ONNX file at path. The error wraps ErrFile, or is a read error.
func Describe(path string) (*Description, error) {
	in, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	m, err := parse((&source{in: in}).whole(size))
	if err != nil {
		return nil, fmt.Errorf("%w (file %q)", err, path)
	}
	d := &Description{Producer: m.producer, Opset: m.opset, Operators: map[string]int{}, Inputs: []Port{}, Outputs: []Port{}, Tensors: []Port{}}
	stored := map[string]bool{}
	for _, t := range m.graph.initializers {
		stored[t.name] = true
		d.Tensors = append(d.Tensors, portOf(t.name, t.dtype, t.dims))
		n := 1
		for _, size := range t.dims {
			if size < 0 || size > maxNumbers || n*int(size) > maxNumbers {
				return nil, fmt.Errorf("onnx: %w: tensor %q: shape is %v, need at most %d elements (file %q)", ErrFile, t.name, t.dims, maxNumbers, path)
			}
			n *= int(size)
		}
		d.Parameters += n
	}
	for _, i := range m.graph.inputs {
		if !stored[i.name] {
			d.Inputs = append(d.Inputs, portOf(i.name, i.dtype, i.dims))
		}
	}
	for _, o := range m.graph.outputs {
		d.Outputs = append(d.Outputs, portOf(o.name, o.dtype, o.dims))
	}
	for _, n := range m.graph.nodes {
		d.Operators[n.op]++
	}
	return d, nil
}
