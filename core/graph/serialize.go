package graph

import (
	"fmt"
	"reflect"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/minijson"
)

// Serialized is a Program as plain data: what a model file holds of a network that no
// architecture of this module builds. Values are numbered: inputs first, then
// parameters, then the operations' outputs, in order.
type Serialized struct {
	Inputs []SerializedValue `json:"inputs"`
	Params []SerializedValue `json:"params"`
	Ops    []SerializedOp    `json:"ops"`
	Out    int               `json:"out"` // the value that is the result
}

// SerializedValue is an input or a parameter.
type SerializedValue struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// SerializedOp is an operation: its name, the values it is given, and its settings
// under the names of the operation's fields.
type SerializedOp struct {
	Op  string              `json:"op"`
	In  []int               `json:"in"`
	Set minijson.RawMessage `json:"set,omitempty"` // an object; none for an operation without settings
}

// listable are the operations of a Serialized, and how many parameters they take, at
// least and at most. A Binary takes one in place of its second value.
var listable = []struct {
	name   string
	op     Op
	params [2]int
}{
	{"conv", Conv{}, [2]int{1, 2}}, {"linear", Linear{}, [2]int{1, 2}}, {"group_norm", GroupNorm{}, [2]int{2, 2}},
	{"layer_norm", LayerNorm{}, [2]int{2, 2}}, {"lookup", Lookup{}, [2]int{1, 1}}, {"fixed", Constant{}, [2]int{1, 1}},
	{"zip", Binary{}, [2]int{0, 1}}, {name: "attention", op: Attention{}}, {name: "softmax", op: Softmax{}}, {name: "matmul", op: MatMul{}},
	{name: "silu", op: SiLU{}}, {name: "elu", op: ELU{}}, {name: "affine", op: Affine{}}, {name: "map", op: Unary{}},
	{name: "add", op: Add{}}, {name: "add_channels", op: AddChannels{}}, {name: "modulate", op: Modulate{}}, {name: "concat", op: Concat{}},
	{name: "upsample", op: Upsample{}}, {name: "average_pool", op: AveragePool{}}, {name: "taps", op: Taps{}},
	{name: "space_to_depth", op: SpaceToDepth{}}, {name: "depth_to_space", op: DepthToSpace{}}, {name: "sinusoid", op: Sinusoid{}},
	{name: "reshape", op: Reshape{}}, {name: "view", op: View{}}, {name: "reduce", op: Reduce{}},
	{name: "instance_norm_plus", op: InstanceNormPlus{}}, {name: "bilinear", op: Bilinear{}},
}

// The bounds of a Serialized, so that a hostile one asks for no absurd work.
const (
	maxOps    = 1 << 14
	maxListed = 1 << 14
	maxLive   = 1 << 27 // numbers of one sample that are needed at once
	maxFLOPs  = 1 << 44
)

// Serialize returns p, whose result is out, as plain data. The error names an operation
// that a Serialized does not hold.
func Serialize(p *Program, out Value) (*Serialized, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	l, number := &Serialized{}, map[Value]int{}
	declare := func(to *[]SerializedValue, all []Declared) {
		for _, d := range all {
			number[d.Value] = len(number)
			*to = append(*to, SerializedValue{d.Name, d.Shape})
		}
	}
	declare(&l.Inputs, p.Inputs)
	declare(&l.Params, p.Params)
	names := map[reflect.Type]string{}
	for _, kind := range listable {
		names[reflect.TypeOf(kind.op)] = kind.name
	}
	for i, n := range p.Nodes {
		op := SerializedOp{Op: names[reflect.TypeOf(n.Op)], In: []int{}}
		if op.Op == "" {
			return nil, fmt.Errorf("graph: operation %d, %T, cannot be listed", i, n.Op)
		}
		for _, v := range slices.Concat(n.In, n.Params) {
			op.In = append(op.In, number[v])
		}
		if reflect.TypeOf(n.Op).NumField() > 0 {
			var err error
			if op.Set, err = minijson.Marshal(n.Op); err != nil {
				return nil, fmt.Errorf("graph: operation %d, %T: %w", i, n.Op, err)
			}
		}
		l.Ops = append(l.Ops, op)
		number[n.Out] = len(number)
	}
	l.Out = number[out]
	return l, nil
}

// Program returns the program that l lists, and its result. Every shape is worked
// out anew, and what it takes to run is bounded. The error names the first entry that
// does not stand up.
func (l *Serialized) Program() (*Program, Value, error) {
	p := &Program{}
	if len(l.Params) > maxListed || len(l.Ops) > maxOps || len(l.Inputs) > maxListed {
		return nil, 0, fmt.Errorf("graph: %d inputs, %d parameters and %d operations, need at most %d of each", len(l.Inputs), len(l.Params), len(l.Ops), maxOps)
	}
	for i, d := range slices.Concat(l.Inputs, l.Params) {
		if _, err := bounded(d.Shape); err != nil {
			return nil, 0, fmt.Errorf("graph: %q %w", d.Name, err)
		}
		if i < len(l.Inputs) {
			p.Input(d.Name, d.Shape...)
		} else {
			p.Param(d.Name, Init{}, d.Shape...)
		}
	}
	for i, o := range l.Ops {
		if err := p.applyListed(o); err != nil {
			return nil, 0, fmt.Errorf("graph: operation %d, %q: %w", i, o.Op, err)
		}
	}
	if err := p.Err(); err != nil {
		return nil, 0, err
	}
	out := Value(l.Out)
	if l.Out < 0 || l.Out >= p.Values() || p.params[out] {
		return nil, 0, fmt.Errorf("graph: out is %d, need an input or an operation's output of %d values", l.Out, p.Values())
	}
	return p, out, p.affordable(out)
}

// applyListed adds one operation of a Serialized.
func (p *Program) applyListed(o SerializedOp) error {
	k := 0
	for k < len(listable) && listable[k].name != o.Op {
		k++
	}
	if k == len(listable) {
		return fmt.Errorf("is not known, need one of weights/FORMAT.md")
	}
	kind := listable[k]
	v := reflect.New(reflect.TypeOf(kind.op))
	if o.Set != nil {
		if err := minijson.UnmarshalStrict(o.Set, v.Interface()); err != nil {
			return err
		}
	}
	var in []Value
	shapes, given := [][]int{}, 0
	for i, k := range o.In {
		if k < 0 || k >= p.Values() {
			return fmt.Errorf("is given value %d, need one of the %d before it", k, p.Values())
		}
		if w := Value(k); p.params[w] {
			given++
		} else if given > 0 {
			return fmt.Errorf("is given value %d at %d, need values before parameters", k, i)
		}
		in, shapes = append(in, Value(k)), append(shapes, p.shapes[k])
	}
	op := v.Elem().Interface().(Op)
	if _, fixed := op.(Constant); given < kind.params[0] || given > kind.params[1] || (given == len(in)) != fixed {
		return fmt.Errorf("is given %d values and %d parameters, need %d to %d parameters after its values", len(in)-given, given, kind.params[0], kind.params[1])
	}
	shape, err := op.Infer(shapes)
	if err != nil {
		return err
	}
	if _, err := bounded(shape); err != nil {
		return err
	}
	if w, ok := op.(interface{ Window([]int) kernel.Window }); ok {
		g := w.Window(shapes[0])
		if _, err := bounded([]int{g.H + g.Before + g.After, g.W + g.Before + g.After, g.C}); err != nil {
			return fmt.Errorf("with zeros around it %w", err)
		}
	}
	p.Apply(op, in...)
	return p.err
}

// affordable reports a program that needs more memory or time than any image
// model does.
func (p *Program) affordable(out Value) error {
	last := make([]int, p.Values())
	for i, n := range p.Nodes {
		last[n.Out] = i
		for _, v := range n.In {
			last[v] = i
		}
	}
	last[out] = len(p.Nodes)
	dies := make([][]Value, len(p.Nodes)+1)
	for _, n := range p.Nodes {
		dies[last[n.Out]] = append(dies[last[n.Out]], n.Out)
	}
	live, flops := 0, int64(0)
	for i, n := range p.Nodes {
		live += p.Size(n.Out)
		if live > maxLive {
			return fmt.Errorf("graph: operation %d, %T: %d numbers are needed at once, need at most %d", i, n.Op, live, maxLive)
		}
		for _, v := range dies[i] {
			live -= p.Size(v)
		}
		if flops += n.Op.Cost(p.Shapes(n.In), p.shapes[n.Out]).FLOPs; flops > maxFLOPs || flops < 0 {
			return fmt.Errorf("graph: operation %d, %T: %d operations until here, need at most %d", i, n.Op, flops, int64(maxFLOPs))
		}
	}
	return nil
}
