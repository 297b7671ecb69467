package onnx_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/num"
)

// fields calls f with every field of a message: number, varint or bytes.
func fields(b []byte, f func(number protowire.Number, n uint64, data []byte) error) error {
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var n uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, size = protowire.ConsumeBytes(b)
		case protowire.Fixed32Type:
			var v uint32
			v, size = protowire.ConsumeFixed32(b)
			n = uint64(v)
		case protowire.Fixed64Type:
			n, size = protowire.ConsumeFixed64(b)
		default:
			return fmt.Errorf("field of kind %d", kind)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		if err := f(number, n, data); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// readSuiteCase reads the model of dir with the inputs and outputs of set.
func readSuiteCase(dir, set string) (*suiteCase, error) {
	file, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return nil, err
	}
	c := &suiteCase{}
	var inputs, outputs []string
	named := map[string]bool{}
	nameOf := func(b []byte, field protowire.Number) (name string) {
		fields(b, func(number protowire.Number, _ uint64, data []byte) error {
			if number == field {
				name = string(data)
			}
			return nil
		})
		return name
	}
	err = fields(file, func(number protowire.Number, _ uint64, data []byte) error {
		switch number {
		case 8:
			c.opset = append(c.opset, sixOrLater(data))
		case 7:
			return fields(data, func(number protowire.Number, _ uint64, data []byte) error {
				switch number {
				case 1:
					c.nodes = append(c.nodes, data)
				case 5:
					c.weights = append(c.weights, data)
					named[nameOf(data, 8)] = true
				case 11:
					inputs = append(inputs, nameOf(data, 1))
				case 12:
					outputs = append(outputs, nameOf(data, 1))
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	inputs = slices.DeleteFunc(inputs, func(name string) bool { return named[name] })
	read := func(kind string, names []string) (all []suiteTensor, err error) {
		for i, name := range names {
			data, err := os.ReadFile(filepath.Join(set, fmt.Sprintf("%s_%d.pb", kind, i)))
			if err != nil {
				return nil, err
			}
			v, err := readSuiteTensor(data)
			if err != nil {
				return nil, err
			}
			v.name = name
			all = append(all, v)
		}
		return all, nil
	}
	if c.inputs, err = read("input", inputs); err == nil {
		c.outputs, err = read("output", outputs)
	}
	return c, err
}

// sixOrLater returns an OperatorSetIdProto with version 6 in place of an earlier one, which
// defines the operators of the cases of earlier versions alike: the nodes that are added need
// version 6.
func sixOrLater(opset []byte) []byte {
	domain, version := "", uint64(0)
	fields(opset, func(number protowire.Number, n uint64, data []byte) error {
		if number == 1 {
			domain = string(data)
		} else {
			version = n
		}
		return nil
	})
	return message(1, domain, 2, int(max(version, 6)))
}

// readSuiteTensor reads a TensorProto.
func readSuiteTensor(file []byte) (v suiteTensor, err error) {
	var raw []byte
	var loose []uint64
	other := false
	err = fields(file, func(number protowire.Number, n uint64, data []byte) error {
		switch number {
		case 1:
			for len(data) > 0 {
				d, size := protowire.ConsumeVarint(data)
				v.dims, data = append(v.dims, int(d)), data[size:]
			}
			if data == nil {
				v.dims = append(v.dims, int(n))
			}
		case 2:
			v.element = int(n)
			other = data != nil
		case 9:
			raw = data
		case 4, 5, 7, 10, 11:
			if data == nil {
				loose = append(loose, n)
			}
			for len(data) > 0 {
				size := 0
				switch number {
				case 4:
					n, size = uint64(binary.LittleEndian.Uint32(data)), 4
				case 10:
					n, size = binary.LittleEndian.Uint64(data), 8
				default:
					n, size = protowire.ConsumeVarint(data)
				}
				loose, data = append(loose, n), data[size:]
			}
		case 6:
			other = true
		}
		return nil
	})
	if err != nil || other {
		return v, errors.Join(errScope, err)
	}
	size := map[int]int{1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}[v.element]
	if size == 0 {
		return v, errScope
	}
	of := func(n uint64) float64 {
		switch v.element {
		case 1:
			return float64(math.Float32frombits(uint32(n)))
		case 3:
			return float64(int8(n))
		case 5:
			return float64(int16(n))
		case 6:
			return float64(int32(n))
		case 7:
			return float64(int64(n))
		case 10:
			return float64(num.FromFloat16(uint16(n)))
		case 11:
			return math.Float64frombits(n)
		case 16:
			return float64(num.FromBFloat16(uint16(n)))
		}
		return float64(n)
	}
	for ; len(raw) > 0; raw = raw[size:] {
		var b [8]byte
		copy(b[:], raw[:size])
		v.numbers = append(v.numbers, of(binary.LittleEndian.Uint64(b[:])))
	}
	for _, n := range loose {
		v.numbers = append(v.numbers, of(n))
	}
	n := 1
	for _, d := range v.dims {
		n *= d
	}
	if n != len(v.numbers) {
		return v, errScope
	}
	return v, nil
}

// proto returns v as a TensorProto of doubles or whole numbers with a Cast to its own type left
// out: floating types narrower than float64 are stored as float32.
func (v suiteTensor) proto() []byte {
	element := v.element
	var raw []byte
	for _, x := range v.numbers {
		switch v.element {
		case 1, 10, 16:
			element = 1
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
		case 11:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		case 9, 2, 3:
			raw = append(raw, byte(int(x)))
		case 4, 5:
			raw = binary.LittleEndian.AppendUint16(raw, uint16(int(x)))
		case 6, 12:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(int(x)))
		default:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(int(x)))
		}
	}
	return constant(v.name, element, raw, v.dims...)
}
