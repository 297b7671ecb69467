package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of onnx.proto3 (ONNX 1.17), as far as a network needs them. None
// contains another of its kind here, so that no file nests deeper than they do:
// graphs inside attributes, of control flow, are kept unread.

// modelProto is ModelProto.
type modelProto struct {
	producer string
	opset    int // of the default domain
	graph    *graphProto
}

type graphProto struct {
	nodes        []*nodeProto
	initializers []*tensorProto
	inputs       []valueInfo
	outputs      []valueInfo
	sparse       bool // has sparse initialisers, which are not read
}

type nodeProto struct {
	name, op, domain string
	inputs, outputs  []string
	attributes       map[string]*attribute
}

// attribute is AttributeProto.
type attribute struct {
	f      float32
	i      int64
	s      string
	floats []float32
	ints   []int64
	tensor *tensorProto
	graph  bool // a graph of control flow
}

// valueInfo is ValueInfoProto of a tensor. A dimension that the file leaves open
// is −1.
type valueInfo struct {
	name  string
	dtype int
	dims  []int64
}

type tensorProto struct {
	name     string
	dims     []int64
	dtype    int
	raw      []byte
	floats   []float32
	ints     []int64
	doubles  []float64
	external map[string]string // nil: the numbers are here
}

// ErrFile is wrapped by every complaint about the bytes of a file.
var ErrFile = errors.New("not a usable ONNX file")

// field is one field of a message: a number in n, or bytes.
type field struct {
	number int
	n      uint64
	bytes  []byte
}

// fields calls f for every field of message b. Groups, which ONNX has not, are an
// error.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		v := field{number: int(number)}
		switch kind {
		case protowire.VarintType:
			v.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(b)
			v.n = uint64(x)
		case protowire.Fixed64Type:
			v.n, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
			v.bytes = v.bytes[:len(v.bytes):len(v.bytes)]
		default:
			return fmt.Errorf("field %d is a group, which ONNX does not use", number)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// packed reads a repeated field of numbers, which stands as bytes of many or as one.
func packed[T any](to []T, v field, width int, from func(uint64) T) ([]T, error) {
	if v.bytes == nil {
		return append(to, from(v.n)), nil
	}
	b := v.bytes
	if width > 0 && len(b)%width != 0 {
		return nil, fmt.Errorf("field %d holds %d bytes, need a multiple of %d", v.number, len(b), width)
	}
	for len(b) > 0 {
		var x uint64
		var n int
		switch width {
		case 0:
			x, n = protowire.ConsumeVarint(b)
		case 4:
			var y uint32
			y, n = protowire.ConsumeFixed32(b)
			x = uint64(y)
		default:
			x, n = protowire.ConsumeFixed64(b)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		to, b = append(to, from(x)), b[n:]
	}
	return to, nil
}

func toFloat(x uint64) float32  { return math.Float32frombits(uint32(x)) }
func toDouble(x uint64) float64 { return math.Float64frombits(x) }
func toInt(x uint64) int64      { return int64(x) }

// maxNodes bounds the operators of a graph.
const maxNodes = 1 << 16

// parse reads a ModelProto. The error wraps ErrFile.
func parse(data []byte) (*modelProto, error) {
	m := &modelProto{}
	err := fields(data, func(v field) (err error) {
		switch v.number {
		case 2:
			m.producer = string(v.bytes)
		case 7:
			m.graph, err = parseGraph(v.bytes)
		case 8:
			err = m.parseOpset(v.bytes)
		}
		return err
	})
	switch {
	case err != nil:
	case m.graph == nil:
		err = errors.New("holds no graph")
	case m.opset < 1:
		err = errors.New("states no version of the operators")
	case m.graph.sparse:
		err = errors.New("holds sparse initialisers, which are not read")
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: %w: %w", ErrFile, err)
	}
	return m, nil
}

func (m *modelProto) parseOpset(b []byte) error {
	domain, version := "", uint64(0)
	err := fields(b, func(v field) error {
		switch v.number {
		case 1:
			domain = string(v.bytes)
		case 2:
			version = v.n
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = int(min(version, 1<<20))
	}
	return err
}

func parseGraph(b []byte) (*graphProto, error) {
	g := &graphProto{}
	err := fields(b, func(v field) error {
		switch v.number {
		case 1:
			if len(g.nodes) == maxNodes {
				return fmt.Errorf("has more than %d nodes", maxNodes)
			}
			n, err := parseNode(v.bytes)
			g.nodes = append(g.nodes, n)
			return err
		case 5:
			t, err := parseTensor(v.bytes)
			g.initializers = append(g.initializers, t)
			return err
		case 11, 12:
			i, err := parseValue(v.bytes)
			if v.number == 11 {
				g.inputs = append(g.inputs, i)
			} else {
				g.outputs = append(g.outputs, i)
			}
			return err
		case 15:
			g.sparse = true
		}
		return nil
	})
	return g, err
}

func parseNode(b []byte) (*nodeProto, error) {
	n := &nodeProto{attributes: map[string]*attribute{}}
	err := fields(b, func(v field) error {
		switch v.number {
		case 1:
			n.inputs = append(n.inputs, string(v.bytes))
		case 2:
			n.outputs = append(n.outputs, string(v.bytes))
		case 3:
			n.name = string(v.bytes)
		case 4:
			n.op = string(v.bytes)
		case 5:
			name, a, err := parseAttribute(v.bytes)
			n.attributes[name] = a
			return err
		case 7:
			n.domain = string(v.bytes)
		}
		return nil
	})
	return n, err
}

func parseAttribute(b []byte) (name string, a *attribute, err error) {
	a = &attribute{}
	err = fields(b, func(v field) (err error) {
		switch v.number {
		case 1:
			name = string(v.bytes)
		case 2:
			a.f = toFloat(v.n)
		case 3:
			a.i = int64(v.n)
		case 4:
			a.s = string(v.bytes)
		case 5:
			a.tensor, err = parseTensor(v.bytes)
		case 6, 11:
			a.graph = true
		case 7:
			a.floats, err = packed(a.floats, v, 4, toFloat)
		case 8:
			a.ints, err = packed(a.ints, v, 0, toInt)
		}
		return err
	})
	return name, a, err
}

func parseValue(b []byte) (valueInfo, error) {
	var i valueInfo
	// ValueInfoProto.type.tensor_type.shape.dim
	err := fields(b, func(v field) error {
		switch v.number {
		case 1:
			i.name = string(v.bytes)
		case 2:
			return fields(v.bytes, func(v field) error {
				if v.number != 1 {
					return nil
				}
				return fields(v.bytes, func(v field) error {
					switch v.number {
					case 1:
						i.dtype = int(v.n)
					case 2:
						return fields(v.bytes, i.parseDim)
					}
					return nil
				})
			})
		}
		return nil
	})
	return i, err
}

func (i *valueInfo) parseDim(v field) error {
	if v.number != 1 {
		return nil
	}
	size := int64(-1)
	err := fields(v.bytes, func(v field) error {
		if v.number == 1 {
			size = int64(v.n)
		}
		return nil
	})
	i.dims = append(i.dims, size)
	return err
}

func parseTensor(b []byte) (*tensorProto, error) {
	t := &tensorProto{}
	err := fields(b, func(v field) (err error) {
		switch v.number {
		case 1:
			t.dims, err = packed(t.dims, v, 0, toInt)
		case 2:
			t.dtype = int(v.n)
		case 4:
			t.floats, err = packed(t.floats, v, 4, toFloat)
		case 5, 7, 11: // int32_data, int64_data, uint64_data
			t.ints, err = packed(t.ints, v, 0, toInt)
		case 8:
			t.name = string(v.bytes)
		case 9:
			t.raw = v.bytes
		case 10:
			t.doubles, err = packed(t.doubles, v, 8, toDouble)
		case 13:
			err = t.parseExternal(v.bytes)
		case 14:
			if v.n == 1 && t.external == nil {
				t.external = map[string]string{}
			}
		}
		return err
	})
	return t, err
}

func (t *tensorProto) parseExternal(b []byte) error {
	key, value := "", ""
	err := fields(b, func(v field) error {
		switch v.number {
		case 1:
			key = string(v.bytes)
		case 2:
			value = string(v.bytes)
		}
		return nil
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}
