package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of onnx.proto3 (ONNX 1.17), as far as networks need them. None of these types
// contains itself, so that nesting is bounded: graphs in attributes, of control flow, are not
// parsed.

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
	sparse       bool // has sparse initializers, which are not supported
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

// valueInfo is ValueInfoProto of a tensor. A dimension without a value is −1.
type valueInfo struct {
	name  string
	dtype int
	dims  []int64
}

// tensorProto is TensorProto. Its numbers stay in the file: raw bytes, or packed or repeated
// fields of floats, integers or doubles.
type tensorProto struct {
	name     string
	dims     []int64
	dtype    int
	raw      section
	packed   section
	kind     int               // field number of packed and loose
	loose    []uint64          // the numbers of unpacked fields
	external map[string]string // of external data; nil for data in this file
}

// ErrFile is wrapped by every error about the bytes of a file.
var ErrFile = errors.New("not a usable ONNX file")

// maxInts bounds the numbers in an attribute and in a shape.
const maxInts = 1 << 16

// appendNumbers appends the numbers of a repeated field, packed or not. They are varints if
// width is 0, or of width bytes.
func appendNumbers[T any](to []T, v field, width int, from func(uint64) T) ([]T, error) {
	if !v.long {
		return append(to, from(v.n)), nil
	}
	if v.section.size() > maxInts*8 {
		return nil, fmt.Errorf("field %d is %d bytes, need at most %d numbers", v.number, v.section.size(), maxInts)
	}
	b, err := v.section.bytes()
	if err != nil {
		return nil, err
	}
	if width > 0 && len(b)%width != 0 {
		return nil, fmt.Errorf("field %d is %d bytes, need a multiple of %d", v.number, len(b), width)
	}
	for len(b) > 0 {
		var x uint64
		n := 4
		if width == 0 {
			x, n = protowire.ConsumeVarint(b)
		} else {
			x = uint64(binary.LittleEndian.Uint32(b))
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		to, b = append(to, from(x)), b[n:]
	}
	return to, nil
}

func toFloat(x uint64) float32 { return math.Float32frombits(uint32(x)) }
func toInt(x uint64) int64     { return int64(x) }

// maxNodes bounds the nodes of a graph.
const maxNodes = 1 << 15

// parse reads a ModelProto. The error wraps ErrFile.
func parse(file section) (*modelProto, error) {
	m := &modelProto{}
	err := file.fields(func(v field) (err error) {
		switch v.number {
		case 2:
			m.producer, err = v.section.text()
		case 7:
			m.graph, err = parseGraph(v.section)
		case 8:
			err = m.parseOpset(v.section)
		}
		return err
	})
	switch {
	case err != nil:
	case m.graph == nil:
		err = errors.New("contains no graph")
	case m.opset < 1:
		err = errors.New("does not give a version of the operators")
	case m.graph.sparse:
		err = errors.New("contains sparse initializers, which are not supported")
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: %w: %w", ErrFile, err)
	}
	return m, nil
}

func (m *modelProto) parseOpset(s section) error {
	domain, version := "", uint64(0)
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			domain, err = v.section.text()
		case 2:
			version = v.n
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = int(min(version, 1<<20))
	}
	return err
}

func parseGraph(s section) (*graphProto, error) {
	g := &graphProto{}
	err := s.fields(func(v field) error {
		switch v.number {
		case 1:
			if len(g.nodes) == maxNodes {
				return fmt.Errorf("has more than %d nodes", maxNodes)
			}
			n, err := parseNode(v.section)
			g.nodes = append(g.nodes, n)
			return err
		case 5:
			t, err := parseTensor(v.section)
			g.initializers = append(g.initializers, t)
			return err
		case 11, 12:
			i, err := parseValue(v.section)
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

func parseNode(s section) (*nodeProto, error) {
	n := &nodeProto{attributes: map[string]*attribute{}}
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			n.inputs, err = texts(n.inputs, v.section)
		case 2:
			n.outputs, err = texts(n.outputs, v.section)
		case 3:
			n.name, err = v.section.text()
		case 4:
			n.op, err = v.section.text()
		case 5:
			var name string
			var a *attribute
			name, a, err = parseAttribute(v.section)
			n.attributes[name] = a
		case 7:
			n.domain, err = v.section.text()
		}
		return err
	})
	return n, err
}

// texts appends a name.
func texts(to []string, s section) ([]string, error) {
	text, err := s.text()
	return append(to, text), err
}

func parseAttribute(s section) (name string, a *attribute, err error) {
	if err := s.of.count(perAttribute); err != nil {
		return "", nil, err
	}
	a = &attribute{}
	err = s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			name, err = v.section.text()
		case 2:
			a.f = toFloat(v.n)
		case 3:
			a.i = int64(v.n)
		case 4:
			a.s, err = v.section.text()
		case 5:
			a.tensor, err = parseTensor(v.section)
		case 6, 11:
			a.graph = true
		case 7:
			a.floats, err = appendNumbers(a.floats, v, 4, toFloat)
		case 8:
			a.ints, err = appendNumbers(a.ints, v, 0, toInt)
		}
		return err
	})
	return name, a, err
}

func parseValue(s section) (valueInfo, error) {
	var i valueInfo
	if err := s.of.count(perAttribute); err != nil {
		return i, err
	}
	// ValueInfoProto.type.tensor_type.shape.dim
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			i.name, err = v.section.text()
		case 2:
			err = v.section.fields(func(v field) error {
				if v.number != 1 {
					return nil
				}
				return v.section.fields(func(v field) error {
					switch v.number {
					case 1:
						i.dtype = int(v.n)
					case 2:
						return v.section.fields(i.parseDim)
					}
					return nil
				})
			})
		}
		return err
	})
	return i, err
}

func (i *valueInfo) parseDim(v field) error {
	if v.number != 1 {
		return nil
	}
	size := int64(-1)
	err := v.section.fields(func(v field) error {
		if v.number == 1 {
			size = int64(v.n)
		}
		return nil
	})
	i.dims = append(i.dims, size)
	return err
}

func parseTensor(s section) (*tensorProto, error) {
	if err := s.of.count(perTensor); err != nil {
		return nil, err
	}
	t := &tensorProto{}
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			t.dims, err = appendNumbers(t.dims, v, 0, toInt)
		case 2:
			t.dtype = int(v.n)
		case 4, 5, 7, 10, 11: // float_data, int32_data, int64_data, double_data, uint64_data
			err = t.parseNumbers(v)
		case 8:
			t.name, err = v.section.text()
		case 9:
			t.raw = v.section.onDisk()
		case 13:
			err = t.parseExternal(v.section)
		case 14:
			if v.n == 1 && t.external == nil {
				t.external = map[string]string{}
			}
		}
		return err
	})
	return t, err
}

// parseNumbers records one number, or the section of packed numbers.
func (t *tensorProto) parseNumbers(v field) error {
	if t.kind != 0 && (t.kind != v.number || v.long || t.packed.of != nil) {
		return fmt.Errorf("tensor %q has numbers in several fields", t.name)
	}
	t.kind = v.number
	if v.long {
		t.packed = v.section.onDisk()
	} else {
		t.loose = append(t.loose, v.n)
	}
	return nil
}

func (t *tensorProto) parseExternal(s section) error {
	key, value := "", ""
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			key, err = v.section.text()
		case 2:
			value, err = v.section.text()
		}
		return err
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}
