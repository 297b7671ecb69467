package weights

import (
	"encoding/binary"
	"math"

	"tweedie/core/num"
)

// What follows a tensor's name in the name of its scales, and of its byte planes.
const (
	scaleSuffix  = ".scale"
	planesSuffix = ".planes"
)

// stored returns t as the arrays that stand in a shard for it: F16 in byte planes,
// codes beside their scales. assemble undoes it.
func (t *Tensor) stored() []Tensor {
	switch t.DType {
	case F16:
		return []Tensor{t.planes()}
	case I8:
		var data []byte
		for _, s := range t.Scale {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(s))
		}
		scale := Tensor{Name: t.Name + scaleSuffix, DType: F32, Shape: []int{len(t.Scale)}, Data: data}
		return []Tensor{{Name: t.Name, DType: I8, Shape: t.Shape, Data: t.Data}, scale}
	case I4:
		var data []byte
		for _, s := range t.Scale {
			data = binary.LittleEndian.AppendUint16(data, num.ToFloat16(s))
		}
		rows := t.Shape[0]
		scale := Tensor{Name: t.Name + scaleSuffix, DType: F16, Shape: []int{rows, len(t.Scale) / rows}, Data: data}
		return []Tensor{{Name: t.Name, DType: u8, Shape: packed(t.Shape), Data: t.Data}, scale.planes()}
	}
	return []Tensor{*t}
}

// planes returns the byte planes of an F16 tensor: all low bytes, then all high ones,
// which are alike and compress.
func (t *Tensor) planes() Tensor {
	n := len(t.Data) / 2
	data := make([]byte, 2*n)
	for i := range n {
		data[i], data[n+i] = t.Data[2*i], t.Data[2*i+1]
	}
	return Tensor{Name: t.Name + planesSuffix, DType: u8, Shape: append([]int{2}, t.Shape...), Data: data}
}

// bytes returns what t takes in a decompressed shard, but for its entries in the header.
func (t *Tensor) bytes() int {
	n := 0
	for _, s := range t.stored() {
		n += len(s.Data)
	}
	return n
}
