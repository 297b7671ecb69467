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
	all, err := f.whole()
	if all == nil {
		return err
	}
	f.tensors, f.index = nil, map[string]int{}
	return f.add(all)
}

// whole returns the tensors with those put together that stand in parts, nil if none does.
func (f *File) whole() ([]Tensor, error) {
	var all []Tensor
	parts := map[string]bool{}
	for i := range f.tensors {
		if owner, ok := strings.CutSuffix(f.tensors[i].Name, rowsInfix+"0"); ok {
			t := Tensor{Name: owner}
			if err := f.joined(&t, parts); err != nil {
				return nil, err
			}
			all = append(all, t)
		}
	}
	if all == nil {
		return nil, nil
	}
	for i := range f.tensors {
		if !parts[f.tensors[i].Name] {
			all = append(all, f.tensors[i])
		}
	}
	return all, nil
}

// joined fills in t, of which there is a part, and adds the names of its parts to parts.
func (f *File) joined(t *Tensor, parts map[string]bool) error {
	for i := 0; ; i++ {
		p := f.Tensor(t.Name + rowsInfix + strconv.Itoa(i))
		if p == nil {
			return nil
		}
		parts[p.Name] = true
		if i == 0 {
			t.DType, t.Shape = p.DType, append([]int{0}, p.Shape[min(1, len(p.Shape)):]...)
		}
		if p.DType != t.DType || len(p.Shape) == 0 || !slices.Equal(p.Shape[1:], t.Shape[1:]) || t.DType == I4 && t.Shape[0]%2 != 0 {
			return fmt.Errorf("tensor %q: is %s of shape %v, which does not go behind %s of %v", p.Name, p.DType, p.Shape, t.DType, t.Shape)
		}
		t.Shape[0] += p.Shape[0]
		t.Data, t.Scale = append(t.Data, p.Data...), append(t.Scale, p.Scale...)
	}
}
