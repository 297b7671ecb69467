package graph

import (
	"fmt"
	"reflect"
	"slices"

	"tweedie/core/kernel"
	"tweedie/core/minijson"
)

// Serialized is a Program as plain data. Model files contain it for networks that are
// none of the architectures of this module. Values are numbered: first the inputs, then
// the parameters, then the outputs of the operations, in order.
type Serialized struct {
	Inputs []SerializedValue `json:"inputs"`
	Params []SerializedValue `json:"params"`
	Ops    []SerializedOp    `json:"ops"`
	Out    int               `json:"out"` // value of the result
}

// SerializedValue is an input or a parameter.
type SerializedValue struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// SerializedOp is an operation: its name, its inputs, and its settings by the JSON names
// of the operation's fields.
type SerializedOp struct {
	Op  string              `json:"op"`
	In  []int               `json:"in"`
	Set minijson.RawMessage `json:"set,omitempty"` // an object; none for an operation without settings
}

// serializable are the operations of a Serialized, with the least and the most parameters
// that they take. A Binary may have one instead of its second value.
var serializable = []struct {
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

// Limits for a Serialized, which may come from an untrusted file.
const (
	maxOps      = 1 << 14
	maxDeclared = 1 << 14
	maxLive     = 1 << 27 // numbers of one sample in memory at once
	maxFLOPs    = 1 << 44
)

// Serialize returns p, whose result is out, as plain data. The error names an operation
// that cannot be serialized.
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
	for _, kind := range serializable {
		names[reflect.TypeOf(kind.op)] = kind.name
	}
	for i, n := range p.Nodes {
		op := SerializedOp{Op: names[reflect.TypeOf(n.Op)], In: []int{}}
		if op.Op == "" {
			return nil, fmt.Errorf("graph: operation %d, %T, cannot be serialized", i, n.Op)
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

// Program returns the program of l, and its result. It computes every shape anew, and
// limits memory and operations. The error names the first invalid entry.
func (l *Serialized) Program() (*Program, Value, error) {
	p := &Program{}
	if len(l.Params) > maxDeclared || len(l.Ops) > maxOps || len(l.Inputs) > maxDeclared {
		return nil, 0, fmt.Errorf("graph: there may be at most %d inputs, parameters and operations each (got %d, %d and %d)", maxOps, len(l.Inputs), len(l.Params), len(l.Ops))
	}
	for i, d := range slices.Concat(l.Inputs, l.Params) {
		if _, err := checkShape(d.Shape); err != nil {
			return nil, 0, fmt.Errorf("graph: %q: %w", d.Name, err)
		}
		if i < len(l.Inputs) {
			p.Input(d.Name, d.Shape...)
		} else {
			p.Param(d.Name, Init{}, d.Shape...)
		}
	}
	for i, o := range l.Ops {
		if err := p.applySerialized(o); err != nil {
			return nil, 0, fmt.Errorf("graph: operation %d, %q: %w", i, o.Op, err)
		}
	}
	if err := p.Err(); err != nil {
		return nil, 0, err
	}
	out := Value(l.Out)
	if l.Out < 0 || l.Out >= p.Values() || p.params[out] {
		return nil, 0, fmt.Errorf("graph: out must be an input or the output of an operation, one of %d values (got %d)", p.Values(), l.Out)
	}
	return p, out, p.checkBudget(out)
}

// applySerialized adds one operation of a Serialized.
func (p *Program) applySerialized(o SerializedOp) error {
	k := 0
	for k < len(serializable) && serializable[k].name != o.Op {
		k++
	}
	if k == len(serializable) {
		return fmt.Errorf("unknown operation: see weights/FORMAT.md")
	}
	kind := serializable[k]
	v := reflect.New(reflect.TypeOf(kind.op))
	if o.Set != nil {
		if err := minijson.UnmarshalStrict(o.Set, v.Interface()); err != nil {
			return err
		}
	}
	var in []Value
	shapes, params := [][]int{}, 0
	for i, k := range o.In {
		if k < 0 || k >= p.Values() {
			return fmt.Errorf("inputs must be among the %d earlier values (got %d)", p.Values(), k)
		}
		if w := Value(k); p.params[w] {
			params++
		} else if params > 0 {
			return fmt.Errorf("parameters must come last (got value %d at %d)", k, i)
		}
		in, shapes = append(in, Value(k)), append(shapes, p.shapes[k])
	}
	op := v.Elem().Interface().(Op)
	if _, fixed := op.(Constant); params < kind.params[0] || params > kind.params[1] || (params == len(in)) != fixed {
		return fmt.Errorf("it takes values and then %d to %d parameters (got %d values and %d parameters)", kind.params[0], kind.params[1], len(in)-params, params)
	}
	shape, err := op.Infer(shapes)
	if err != nil {
		return err
	}
	if _, err := checkShape(shape); err != nil {
		return err
	}
	if w, ok := op.(interface{ Window([]int) kernel.Window }); ok {
		g := w.Window(shapes[0])
		if _, err := checkShape([]int{g.H + g.Before + g.After, g.W + g.Before + g.After, g.C}); err != nil {
			return fmt.Errorf("padded input: %w", err)
		}
	}
	p.Apply(op, in...)
	return p.err
}

// checkBudget returns an error if a program needs more memory or operations than any
// image model.
func (p *Program) checkBudget(out Value) error {
	last := make([]int, p.Values())
	for i, n := range p.Nodes {
		last[n.Out] = i
		for _, v := range n.In {
			last[v] = i
		}
	}
	last[out] = len(p.Nodes)
	lastUses := make([][]Value, len(p.Nodes)+1)
	for _, n := range p.Nodes {
		lastUses[last[n.Out]] = append(lastUses[last[n.Out]], n.Out)
	}
	live, flops := 0, int64(0)
	for i, n := range p.Nodes {
		live += p.Size(n.Out)
		if live > maxLive {
			return fmt.Errorf("graph: operation %d, %T: at most %d numbers may be in memory at once (got %d)", i, n.Op, maxLive, live)
		}
		for _, v := range lastUses[i] {
			live -= p.Size(v)
		}
		if flops += n.Op.Cost(p.Shapes(n.In), p.shapes[n.Out]).FLOPs; flops > maxFLOPs || flops < 0 {
			return fmt.Errorf("graph: operation %d, %T: the program may take at most %d arithmetic operations (got %d up to here)", i, n.Op, int64(maxFLOPs), flops)
		}
	}
	return nil
}
