package weights

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rowsInfix separates the name of a tensor that is stored in parts from the number of the
// part.
const rowsInfix = ".rows."

// split returns t as parts of about 1/n of its rows each, or nil if it has fewer than 2n
// rows.
func (t *Tensor) split(n int) []Tensor {
	if len(t.Shape) == 0 || t.Shape[0]/n < 2 {
		return nil
	}
	rows := t.Shape[0]
	step := rows / n &^ 1 // even, because int4 packs two rows into a byte
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

// mergeParts replaces the parts of a tensor by the tensor. The error names a part whose
// type or shape differs from the others'.
func (f *File) mergeParts() error {
	all, err := f.merged()
	if all == nil {
		return err
	}
	f.tensors, f.index = nil, map[string]int{}
	return f.add(all)
}

// merged returns all tensors, with parts merged, or nil if there are no parts.
func (f *File) merged() ([]Tensor, error) {
	var all []Tensor
	parts := map[string]bool{}
	for i := range f.tensors {
		if owner, ok := strings.CutSuffix(f.tensors[i].Name, rowsInfix+"0"); ok {
			t := Tensor{Name: owner}
			if err := f.mergeTensor(&t, parts); err != nil {
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

// mergeTensor sets t, of which only the name is set, from its parts, and adds their names
// to parts.
func (f *File) mergeTensor(t *Tensor, parts map[string]bool) error {
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
			return fmt.Errorf("tensor %q: is %s of shape %v, which cannot follow rows of %s and shape %v", p.Name, p.DType, p.Shape, t.DType, t.Shape)
		}
		t.Shape[0] += p.Shape[0]
		t.Data, t.Scale = append(t.Data, p.Data...), append(t.Scale, p.Scale...)
	}
}
