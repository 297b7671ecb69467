package onnx

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// operator computes the outputs of a node from its inputs.
type operator struct {
	run  func(b *builder, n *nodeProto, in []view) []view
	need int // number of required inputs
}

// operators are the supported ONNX operators, in versions minOpset to maxOpset.
var operators = map[string]operator{
	"Identity": {opIdentity, 1}, "Dropout": {opDropout, 1}, "Cast": {opCast, 1}, "CastLike": {opCastLike, 2}, "Constant": {opConstant, 0},
	"ConstantOfShape": {opConstantOfShape, 1}, "Shape": {opShape, 1}, "Size": {opSize, 1}, "Range": {opRange, 3},
	"Reshape": {opReshape, 2}, "Flatten": {opFlatten, 1}, "Transpose": {opTranspose, 1}, "Squeeze": {opSqueeze, 1},
	"Unsqueeze": {opUnsqueeze, 1}, "Expand": {opExpand, 2}, "Tile": {opTile, 2}, "Slice": {opSlice, 1}, "Split": {opSplit, 1},
	"Concat": {opConcat, 1}, "Gather": {opGather, 2}, "GatherElements": {opGatherElements, 2}, "GatherND": {opGatherND, 2},
	"ScatterND": {opScatterND, 3}, "ScatterElements": {opScatterElements, 3}, "Scatter": {opScatterElements, 3}, "OneHot": {opOneHot, 3},
	"Trilu": {opTrilu, 1}, "EyeLike": {opEyeLike, 1}, "CumSum": {opCumSum, 2}, "DepthToSpace": {opDepthToSpace, 1}, "SpaceToDepth": {opSpaceToDepth, 1},

	"Conv": {opConv, 2}, "ConvTranspose": {opConvTranspose, 2}, "Gemm": {opGemm, 2}, "MatMul": {opMatMul, 2}, "Einsum": {opEinsum, 1}, "Attention": {opAttention, 3},
	"AveragePool": {opPool(averagePool), 1}, "MaxPool": {opPool(maxPool), 1}, "GlobalAveragePool": {opGlobalPool("mean"), 1}, "GlobalMaxPool": {opGlobalPool("max"), 1},
	"Resize": {opResize, 1}, "Upsample": {opResize, 1}, "Pad": {opPad, 1},

	"GroupNormalization": {opGroupNormalization, 3}, "InstanceNormalization": {opInstanceNormalization, 3},
	"LayerNormalization": {opLayerNormalization, 1}, "BatchNormalization": {opBatchNormalization, 5}, "Softmax": {opSoftmax, 1}, "LogSoftmax": {opLogSoftmax, 1},
	"MeanVarianceNormalization": {opMeanVarianceNormalization, 1}, "LRN": {opLRN, 1}, "RMSNormalization": {opRMSNormalization, 2}, "DequantizeLinear": {opDequantizeLinear, 2},

	"Add": {opBinary("add"), 2}, "Sub": {opBinary("sub"), 2}, "Mul": {opBinary("mul"), 2}, "Div": {opBinary("div"), 2}, "Pow": {opBinary("pow"), 2}, "Mod": {opMod, 2},
	"Max": {opBinary("max"), 1}, "Min": {opBinary("min"), 1}, "Sum": {opBinary("add"), 1}, "Mean": {opMean, 1}, "Equal": {opBinary("equal"), 2}, "Less": {opBinary("less"), 2},
	"Greater": {opGreater, 2}, "GreaterOrEqual": {opNotLess, 2}, "LessOrEqual": {opNotGreater, 2},
	"Where": {opWhere, 3}, "Not": {opNot, 1}, "And": {opBinary("mul"), 2}, "Or": {opBinary("max"), 2}, "Xor": {opXor, 2},

	"Neg": {opUnary("affine", -1, 0), 1}, "Abs": {opUnary("abs", 0, 0), 1}, "Sqrt": {opUnary("sqrt", 0, 0), 1}, "Exp": {opUnary("exp", 0, 0), 1},
	"Log": {opUnary("log", 0, 0), 1}, "Sin": {opUnary("sin", 0, 0), 1}, "Cos": {opUnary("cos", 0, 0), 1}, "Tanh": {opUnary("tanh", 0, 0), 1},
	"Erf": {opUnary("erf", 0, 0), 1}, "Reciprocal": {opUnary("reciprocal", 0, 0), 1}, "Sigmoid": {opUnary("sigmoid", 0, 0), 1},
	"Floor": {opUnary("floor", 0, 0), 1}, "Ceil": {opUnary("ceil", 0, 0), 1}, "Round": {opUnary("round", 0, 0), 1}, "Sign": {opUnary("sign", 0, 0), 1},
	"Softplus": {opUnary("softplus", 0, 0), 1}, "Relu": {opUnary("clip", 0, math.MaxFloat32), 1}, "Elu": {opElu, 1}, "Gelu": {opGelu, 1},
	"LeakyRelu": {opLeakyRelu, 1}, "PRelu": {opPRelu, 2}, "HardSigmoid": {opHardSigmoid, 1}, "HardSwish": {opHardSwish, 1},
	"Mish": {opMish, 1}, "Clip": {opClip, 1}, "Selu": {opSelu, 1}, "Celu": {opCelu, 1}, "ThresholdedRelu": {opThresholdedRelu, 1},
	"Shrink": {opShrink, 1}, "Softsign": {opSoftsign, 1}, "Tan": {opTan, 1}, "Sinh": {opHyperbolic(-1), 1}, "Cosh": {opHyperbolic(1), 1},

	"ReduceMean": {opReduce("mean"), 1}, "ReduceSum": {opReduce("sum"), 1}, "ReduceMax": {opReduce("max"), 1},
	"ReduceMin": {opReduce("min"), 1}, "ReduceProd": {opReduce("prod"), 1}, "ReduceL1": {opReduceOf("abs", "sum", ""), 1}, "ReduceL2": {opReduceOf("square", "sum", "sqrt"), 1},
	"ReduceSumSquare": {opReduceOf("square", "sum", ""), 1}, "ReduceLogSum": {opReduceOf("", "sum", "log"), 1}, "ReduceLogSumExp": {opReduceLogSumExp, 1},
}

// run evaluates one node.
func (b *builder) run(n *nodeProto) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("onnx: %s: %w", label(n), err)
		}
	}()
	defer recovered(&err)
	b.node = n
	o, ok := operators[n.op]
	if !ok || n.domain != "" && n.domain != "ai.onnx" {
		name := strings.TrimPrefix(n.domain+"."+n.op, ".")
		refuse("operator %q of version %d is not supported, need one of %s", name, b.opset, strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
	}
	in := make([]view, len(n.inputs))
	for i, name := range n.inputs {
		v, ok := b.values[name]
		if !ok && name != "" {
			refuse("input %d is %q, which no node before it computes", i, name)
		}
		in[i] = v
	}
	for i := range o.need {
		if i >= len(in) || in[i].of == nil {
			refuse("input %d is missing, need %d inputs", i, o.need)
		}
	}
	if b.opset < 7 {
		in = b.early(n, in)
	}
	for i, v := range o.run(b, n, in) {
		checkShape(v.shape())
		if i < len(n.outputs) {
			v.of.users = max(v.of.users, b.users[n.outputs[i]])
			b.values[n.outputs[i]] = v
		}
	}
	return nil
}

// changed are the operators whose attributes or inputs differ before version 6 from those of
// later versions.
var changed = []string{"Cast", "Concat", "Pad", "Reshape", "Tile", "Upsample"}

// early refuses nodes whose meaning before version 7 differs, and aligns the second input of
// an operator that broadcasts by its attribute axis instead of by numpy's rules.
func (b *builder) early(n *nodeProto, in []view) []view {
	switch {
	case b.opset < 6 && slices.Contains(changed, n.op):
		refuse("is of version %d, need 6 or later: export the network anew", b.opset)
	case n.op == "BatchNormalization" && b.attrInt("is_test", 0) == 0:
		refuse("is of training, need is_test 1")
	case len(in) < 2 || in[1].of == nil:
		return in
	}
	axis, ok := b.attrInt("axis", 0), n.attributes["broadcast"] != nil && n.attributes["axis"] != nil
	if n.op == "PRelu" && in[1].size() > 1 && len(in[1].axes) == 1 {
		axis, ok = 1, true // a slope for each channel
	}
	if !ok {
		return in
	}
	rank := len(in[0].axes)
	missing := rank - axisOf(axis, rank) - len(in[1].axes)
	if missing < 0 {
		refuse("broadcasts shape %v to %v from axis %d on, which does not fit", in[1].shape(), in[0].shape(), axis)
	}
	in = slices.Clone(in)
	in[1].axes = append(slices.Clone(in[1].axes), make([][]atom, missing)...)
	return in
}

// attrInt and the following methods return an attribute of the current node, or its default
// value.
func (b *builder) attrInt(name string, or int) int {
	if a := b.node.attributes[name]; a != nil {
		return clampInt(float64(a.i))
	}
	return or
}

func (b *builder) attrInts(name string, or []int) []int {
	a := b.node.attributes[name]
	if a == nil {
		return or
	}
	out := make([]int, len(a.ints))
	for i, x := range a.ints {
		out[i] = clampInt(float64(x))
	}
	return out
}

func (b *builder) attrFloat(name string, or float64) float64 {
	if a := b.node.attributes[name]; a != nil {
		return float64(a.f)
	}
	return or
}

func (b *builder) attrString(name, or string) string {
	if a := b.node.attributes[name]; a != nil {
		return a.s
	}
	return or
}

// optional returns an input that may be missing: its field of is then nil.
func optional(in []view, i int) view {
	if i < len(in) {
		return in[i]
	}
	return view{}
}

// constants returns the integers of an input, which must be constant.
func constants(v view) []int {
	if !v.known() || v.size() > 1<<16 {
		refuse("has a parameter of shape %v, need at most 65536 numbers that do not depend on the network's inputs", v.shape())
	}
	return v.ints()
}

// constantOf returns the single number of an input, which must be constant.
func constantOf(v view) float64 {
	if !v.known() || v.size() != 1 {
		refuse("has a parameter of shape %v, need one number that does not depend on the network's inputs", v.shape())
	}
	return v.numbers()[0]
}
