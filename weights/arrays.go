package weights

import (
	"encoding/binary"
	"math"

	"tweedie/core/num"
)

// The suffixes that a tensor's name gets in the names of its scales and its byte planes.
const (
	scaleSuffix  = ".scale"
	planesSuffix = ".planes"
)

// arrays returns the arrays that represent t in a shard: F16 as byte planes, codes
// followed by their scales. assemble is the inverse.
func (t *Tensor) arrays() []Tensor {
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

// planes returns the byte planes of an F16 tensor: all low bytes, then all high bytes,
// which resemble each other and therefore compress.
func (t *Tensor) planes() Tensor {
	n := len(t.Data) / 2
	data := make([]byte, 2*n)
	for i := range n {
		data[i], data[n+i] = t.Data[2*i], t.Data[2*i+1]
	}
	return Tensor{Name: t.Name + planesSuffix, DType: u8, Shape: append([]int{2}, t.Shape...), Data: data}
}

// bytes returns the size of t in a decompressed shard, without its entries in the header.
func (t *Tensor) bytes() int {
	n := 0
	for _, s := range t.arrays() {
		n += len(s.Data)
	}
	return n
}
