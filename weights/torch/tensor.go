package torch

import (
	"fmt"
	"io"
	"slices"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// storages maps the names of PyTorch's typed storages to types. Quantized types are not
// supported.
var storages = map[string]weights.DType{
	"FloatStorage": weights.F32, "DoubleStorage": weights.F64, "HalfStorage": weights.F16, "BFloat16Storage": weights.BF16,
	"LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": weights.I8, "ByteStorage": "U8",
	"BoolStorage": "BOOL", "ComplexFloatStorage": "C64",
	"UntypedStorage": "", // the tensor has the type
}

// dtypes maps the names of PyTorch's dtypes to types.
var dtypes = map[string]weights.DType{
	"float32": weights.F32, "float64": weights.F64, "float16": weights.F16, "bfloat16": weights.BF16,
	"int64": "I64", "int32": "I32", "int16": "I16", "int8": weights.I8, "uint8": "U8", "uint16": "U16", "uint32": "U32",
	"uint64": "U64", "bool": "BOOL", "complex64": "C64",
	"float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
}

// functions are the globals that a pickle may call.
var functions = map[global]func(args tuple) (any, error){
	{"collections", "OrderedDict"}:                    orderedDict,
	{"collections", "defaultdict"}:                    func(tuple) (any, error) { return &dict{}, nil },
	{"torch", "Size"}:                                 single,
	{"torch", "device"}:                               func(tuple) (any, error) { return "device", nil },
	{"torch._utils", "_rebuild_tensor"}:               rebuild,
	{"torch._utils", "_rebuild_tensor_v2"}:            rebuild,
	{"torch._utils", "_rebuild_tensor_v3"}:            rebuildTyped,
	{"torch._utils", "_rebuild_parameter"}:            first,
	{"torch._utils", "_rebuild_parameter_with_state"}: first,
	ofClass:                                nil, // call unwraps it
	{"torch.nn.parameter", "Parameter"}:    first,
	{"torch.serialization", "_get_layout"}: single,
	{"torch.storage", "UntypedStorage"}:    nil, // referred to, never called
	{"torch", "Tensor"}:                    nil, // referred to, never called
}

// known reports whether a global is one that tensors need.
func known(g global) bool {
	if _, ok := functions[g]; ok {
		return true
	}
	_, isStorage := storages[g.name]
	_, isType := dtypes[g.name]
	return g.module == "torch" && (isStorage || isType) || g.module == "torch.cuda" && isStorage
}

// ofClass rebuilds a tensor of a subclass: (function, class, arguments, state).
var ofClass = global{"torch._tensor", "_rebuild_from_type_v2"}

// call calls a global with the given arguments.
func (m *machine) call(f any, args tuple) (any, error) {
	g, ok := f.(global)
	if g == ofClass && len(args) > 2 {
		f, args = args[0], tuple{args[2]}
		if inner, ok := args[0].(tuple); ok {
			args = inner
		}
		g, ok = f.(global)
	}
	if g == loadFromBytes {
		return m.nested(args)
	}
	if !ok || functions[g] == nil {
		return m.setAside(f)
	}
	v, err := functions[g](args)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", g.module, g.name, err)
	}
	return v, nil
}

// orderedDict returns a dict, from a list of pairs if it has an argument.
func orderedDict(args tuple) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	items, ok := args[0].(*list)
	if !ok {
		return nil, fmt.Errorf("the argument must be a list (got %s)", describe(args[0]))
	}
	for _, v := range items.items {
		var p []any
		switch v := v.(type) {
		case tuple:
			p = v
		case *list:
			p = v.items
		}
		if len(p) != 2 {
			return nil, fmt.Errorf("the list must be of pairs (got %s)", describe(v))
		}
		d.pairs = append(d.pairs, pair{p[0], p[1]})
	}
	return d, nil
}

// single returns its only argument.
func single(args tuple) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("there must be 1 argument (got %d)", len(args))
	}
	return args[0], nil
}

// first returns its first argument, the tensor of a parameter.
func first(args tuple) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("the argument must be a tensor (got none)")
	}
	if _, ok := args[0].(*tensorValue); !ok {
		return nil, fmt.Errorf("the argument must be a tensor (got %s)", describe(args[0]))
	}
	return args[0], nil
}

// storage is a sequence of numbers in the file. Its element type may be known only later.
type storage struct {
	key   string
	dtype weights.DType // "" for untyped bytes
	bytes int64         // its size
	in    io.ReaderAt
	at    int64 // its offset
}

// tensorValue is a tensor of a pickle: a view of a storage.
type tensorValue struct {
	*storage
	dtype          weights.DType
	offset         int64 // in numbers
	shape, strides []int
}

// rebuild returns a tensor for the arguments (storage, offset, size, stride, …).
func rebuild(args tuple) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("there must be 4 arguments (got %d)", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok || s.dtype == "" {
		return nil, fmt.Errorf("the first argument must be a typed storage (got %s)", describe(args[0]))
	}
	return view(s, s.dtype, args)
}

// rebuildTyped returns a tensor of an untyped storage, for the arguments (storage, offset,
// size, stride, requires_grad, hooks, dtype, …).
func rebuildTyped(args tuple) (any, error) {
	if len(args) < 7 {
		return nil, fmt.Errorf("there must be 7 arguments (got %d)", len(args))
	}
	s, ok := args[0].(*storage)
	g, _ := args[6].(global)
	if dtype := dtypes[g.name]; ok && dtype != "" {
		return view(s, dtype, args)
	}
	return nil, fmt.Errorf("the arguments must have a storage and a supported dtype (got %s and %s)", describe(args[0]), describe(args[6]))
}

// view returns a tensor after checking that it is within its storage.
func view(s *storage, dtype weights.DType, args tuple) (*tensorValue, error) {
	t := &tensorValue{storage: s, dtype: dtype}
	var ok bool
	if t.offset, ok = args[1].(int64); !ok || t.offset < 0 {
		return nil, fmt.Errorf("storage offset must be at least 0 (got %s)", describe(args[1]))
	}
	var err error
	if t.shape, err = sizes(args[2]); err != nil {
		return nil, fmt.Errorf("size %w", err)
	}
	if t.strides, err = sizes(args[3]); err != nil {
		return nil, fmt.Errorf("stride %w", err)
	}
	if len(t.shape) != len(t.strides) {
		return nil, fmt.Errorf("size %v and stride %v differ in their number of axes", t.shape, t.strides)
	}
	number := int64(dtype.Size())
	count := s.bytes / number // of the storage
	last := t.offset          // index of the tensor's last number
	for i, d := range t.shape {
		if d > 1 && t.strides[i] > 0 && int64(d-1) > count/int64(t.strides[i]) {
			last = count
			break
		}
		last += int64(max(d-1, 0)) * int64(t.strides[i])
	}
	if !slices.Contains(t.shape, 0) && last >= count {
		return nil, fmt.Errorf("size %v, stride %v and offset %d exceed storage %q of %d numbers of %s", t.shape, t.strides, t.offset, s.key, count, dtype)
	}
	if _, err := lazytensor.Size(dtype, t.shape, max(s.bytes, maxRepeat)); err != nil {
		return nil, err
	}
	return t, nil
}

// sizes returns the values of a tuple of integers, which must be at least 0.
func sizes(v any) ([]int, error) {
	if l, ok := v.(*list); ok {
		v = tuple(l.items)
	}
	items, ok := v.(tuple)
	if !ok || len(items) > weights.MaxAxes {
		return nil, fmt.Errorf("must be a tuple of at most %d numbers (got %s)", weights.MaxAxes, describe(v))
	}
	out := make([]int, len(items))
	for i, item := range items {
		n, ok := item.(int64)
		if !ok || n < 0 || n > 1<<40 {
			return nil, fmt.Errorf("[%d] must be a number from 0 to 2^40 (got %s)", i, describe(item))
		}
		out[i] = int(n)
	}
	return out, nil
}

// read returns the tensor's numbers in row-major order.
func (t *tensorValue) read() ([]byte, error) {
	if slices.Contains(t.shape, 0) {
		return nil, nil
	}
	number := t.dtype.Size()
	span, expected := 1, 1 // numbers from the first to the last; stride of a dense axis
	dense := true
	for i, d := range slices.Backward(t.shape) {
		span += (d - 1) * t.strides[i]
		dense = dense && (d == 1 || t.strides[i] == expected)
		expected *= d
	}
	data := make([]byte, span*number)
	if _, err := t.in.ReadAt(data, t.at+t.offset*int64(number)); err != nil {
		return nil, fmt.Errorf("storage %q: %w", t.key, err)
	}
	if dense {
		return data, nil
	}
	return lazytensor.Gather(data, t.shape, t.strides, number), nil
}
