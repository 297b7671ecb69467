package weights

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rowsInfix stands between the name of a tensor that a shard cannot hold and the number
// of a part of its rows.
const rowsInfix = ".rows."

// split returns t as tensors of some of its rows each, which take some size/n bytes where
// t takes size; nil if it has too few rows.
func (t *Tensor) split(n int) []Tensor {
	if len(t.Shape) == 0 || t.Shape[0]/n < 2 {
		return nil
	}
	rows := t.Shape[0]
	step := rows / n &^ 1 // even, for int4 has two rows to a byte
	var parts []Tensor
	for low := 0; low < rows; low += step {
		high := min(rows, low+step)
		p := Tensor{Name: t.Name + rowsInfix + strconv.Itoa(len(parts)), DType: t.DType, Shape: append([]int{high - low}, t.Shape[1:]...)}
		if t.DType == I4 {
			width := len(t.Data) / ((rows + 1) / 2)
			p.Data = t.Data[low/2*width : (high+1)/2*width]
		} else {
			width := len(t.Data) / rows
			p.Data = t.Data[low*width : high*width]
		}
		if t.Scale != nil {
			width := len(t.Scale) / rows
			p.Scale = t.Scale[low*width : high*width]
		}
		parts = append(parts, p)
	}
	return parts
}

// join puts the tensors together that stand in parts. The error names one that does not
// fit the others.
func (f *File) join() error {
	var whole []Tensor
	parts := map[string]bool{}
	for i := range f.tensors {
		owner, ok := strings.CutSuffix(f.tensors[i].Name, rowsInfix+"0")
		if !ok {
			continue
		}
		t, err := f.joined(owner, parts)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", owner, err)
		}
		whole = append(whole, t)
	}
	if whole == nil {
		return nil
	}
	rest := slices.DeleteFunc(f.tensors, func(t Tensor) bool { return parts[t.Name] })
	f.tensors, f.index = nil, map[string]int{}
	return f.add(append(rest, whole...))
}

// joined returns the tensor of that name, and adds the names of its parts to parts.
func (f *File) joined(name string, parts map[string]bool) (Tensor, error) {
	var t Tensor
	for i := 0; ; i++ {
		p := f.Tensor(name + rowsInfix + strconv.Itoa(i))
		if p == nil {
			return t, nil
		}
		parts[p.Name] = true
		if len(p.Shape) == 0 {
			return t, fmt.Errorf("part %d has no axes, need rows", i)
		}
		if i == 0 {
			t = Tensor{Name: name, DType: p.DType, Shape: slices.Clone(p.Shape), Data: slices.Clone(p.Data), Scale: slices.Clone(p.Scale)}
			continue
		}
		if p.DType != t.DType || !slices.Equal(p.Shape[1:], t.Shape[1:]) || t.DType == I4 && t.Shape[0]%2 != 0 {
			return t, fmt.Errorf("part %d is %s of shape %v, behind %s of %v", i, p.DType, p.Shape, t.DType, t.Shape)
		}
		t.Shape[0] += p.Shape[0]
		t.Data, t.Scale = append(t.Data, p.Data...), append(t.Scale, p.Scale...)
	}
}
