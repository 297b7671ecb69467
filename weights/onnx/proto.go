package onnx

import (
	"encoding/binary"
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

// tensorProto is TensorProto. Its numbers stay where they are: as raw bytes, or as
// floats, whole numbers or doubles, packed or each as a field.
type tensorProto struct {
	name     string
	dims     []int64
	dtype    int
	raw      stretch
	packed   stretch
	kind     int               // number of the field of packed and loose
	loose    []uint64          // the numbers that are fields
	external map[string]string // nil: the numbers are here
}

// ErrFile is wrapped by every complaint about the bytes of a file.
var ErrFile = errors.New("not a usable ONNX file")

// maxInts bounds the numbers of an attribute, and of a shape.
const maxInts = 1 << 16

// listed reads a field of numbers, which stands as many in a stretch or as one; they are
// varints, or of width bytes.
func listed[T any](to []T, v field, width int, from func(uint64) T) ([]T, error) {
	if !v.long {
		return append(to, from(v.n)), nil
	}
	if v.stretch.size() > maxInts*8 {
		return nil, fmt.Errorf("field %d holds %d bytes, need at most %d numbers", v.number, v.stretch.size(), maxInts)
	}
	b, err := v.stretch.bytes()
	if err != nil {
		return nil, err
	}
	if width > 0 && len(b)%width != 0 {
		return nil, fmt.Errorf("field %d holds %d bytes, need a multiple of %d", v.number, len(b), width)
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

// maxNodes bounds the operators of a graph.
const maxNodes = 1 << 15

// parse reads a ModelProto. The error wraps ErrFile.
func parse(file stretch) (*modelProto, error) {
	m := &modelProto{}
	err := file.fields(func(v field) (err error) {
		switch v.number {
		case 2:
			m.producer, err = v.stretch.text()
		case 7:
			m.graph, err = parseGraph(v.stretch)
		case 8:
			err = m.parseOpset(v.stretch)
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

func (m *modelProto) parseOpset(s stretch) error {
	domain, version := "", uint64(0)
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			domain, err = v.stretch.text()
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

func parseGraph(s stretch) (*graphProto, error) {
	g := &graphProto{}
	err := s.fields(func(v field) error {
		switch v.number {
		case 1:
			if len(g.nodes) == maxNodes {
				return fmt.Errorf("has more than %d nodes", maxNodes)
			}
			n, err := parseNode(v.stretch)
			g.nodes = append(g.nodes, n)
			return err
		case 5:
			t, err := parseTensor(v.stretch)
			g.initializers = append(g.initializers, t)
			return err
		case 11, 12:
			i, err := parseValue(v.stretch)
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

func parseNode(s stretch) (*nodeProto, error) {
	n := &nodeProto{attributes: map[string]*attribute{}}
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			n.inputs, err = texts(n.inputs, v.stretch)
		case 2:
			n.outputs, err = texts(n.outputs, v.stretch)
		case 3:
			n.name, err = v.stretch.text()
		case 4:
			n.op, err = v.stretch.text()
		case 5:
			var name string
			var a *attribute
			name, a, err = parseAttribute(v.stretch)
			n.attributes[name] = a
		case 7:
			n.domain, err = v.stretch.text()
		}
		return err
	})
	return n, err
}

// texts adds a name to others.
func texts(to []string, s stretch) ([]string, error) {
	text, err := s.text()
	return append(to, text), err
}

func parseAttribute(s stretch) (name string, a *attribute, err error) {
	if err := s.of.count(perAttribute); err != nil {
		return "", nil, err
	}
	a = &attribute{}
	err = s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			name, err = v.stretch.text()
		case 2:
			a.f = toFloat(v.n)
		case 3:
			a.i = int64(v.n)
		case 4:
			a.s, err = v.stretch.text()
		case 5:
			a.tensor, err = parseTensor(v.stretch)
		case 6, 11:
			a.graph = true
		case 7:
			a.floats, err = listed(a.floats, v, 4, toFloat)
		case 8:
			a.ints, err = listed(a.ints, v, 0, toInt)
		}
		return err
	})
	return name, a, err
}

func parseValue(s stretch) (valueInfo, error) {
	var i valueInfo
	if err := s.of.count(perAttribute); err != nil {
		return i, err
	}
	// ValueInfoProto.type.tensor_type.shape.dim
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			i.name, err = v.stretch.text()
		case 2:
			err = v.stretch.fields(func(v field) error {
				if v.number != 1 {
					return nil
				}
				return v.stretch.fields(func(v field) error {
					switch v.number {
					case 1:
						i.dtype = int(v.n)
					case 2:
						return v.stretch.fields(i.parseDim)
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
	err := v.stretch.fields(func(v field) error {
		if v.number == 1 {
			size = int64(v.n)
		}
		return nil
	})
	i.dims = append(i.dims, size)
	return err
}

func parseTensor(s stretch) (*tensorProto, error) {
	if err := s.of.count(perTensor); err != nil {
		return nil, err
	}
	t := &tensorProto{}
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			t.dims, err = listed(t.dims, v, 0, toInt)
		case 2:
			t.dtype = int(v.n)
		case 4, 5, 7, 10, 11: // float_data, int32_data, int64_data, double_data, uint64_data
			err = t.parseNumbers(v)
		case 8:
			t.name, err = v.stretch.text()
		case 9:
			t.raw = v.stretch.apart()
		case 13:
			err = t.parseExternal(v.stretch)
		case 14:
			if v.n == 1 && t.external == nil {
				t.external = map[string]string{}
			}
		}
		return err
	})
	return t, err
}

// parseNumbers takes one number, or where many are.
func (t *tensorProto) parseNumbers(v field) error {
	if t.kind != 0 && (t.kind != v.number || v.long || t.packed.of != nil) {
		return fmt.Errorf("tensor %q has numbers in several pieces", t.name)
	}
	t.kind = v.number
	if v.long {
		t.packed = v.stretch.apart()
	} else {
		t.loose = append(t.loose, v.n)
	}
	return nil
}

func (t *tensorProto) parseExternal(s stretch) error {
	key, value := "", ""
	err := s.fields(func(v field) (err error) {
		switch v.number {
		case 1:
			key, err = v.stretch.text()
		case 2:
			value, err = v.stretch.text()
		}
		return err
	})
	if t.external == nil {
		t.external = map[string]string{}
	}
	t.external[key] = value
	return err
}
