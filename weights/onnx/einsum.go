package onnx

import (
	"slices"
	"strings"
)

// opEinsum is a sum of products of one or two inputs.
func opEinsum(b *builder, n *nodeProto, in []view) []view {
	equation := strings.ReplaceAll(b.attrString("equation", ""), " ", "")
	terms, out := b.terms(equation, in)
	for i, t := range terms {
		if len(t) != len(in[i].axes) {
			refuse("equation is %q, which does not match shape %v", equation, in[i].shape())
		}
		in[i], terms[i] = b.diagonal(in[i], t)
	}
	if len(in) == 1 {
		v, labels := b.summed(in[0], terms[0], out)
		return []view{labelled(v, labels, out, equation)}
	}
	x, p := b.summed(in[0], terms[0], terms[1]+out)
	y, q := b.summed(in[1], terms[1], terms[0]+out)
	return []view{b.contracted(x, y, p, q, out, equation)}
}

// terms returns the labels of each input and of the output. Dots become upper-case letters. An
// output that is not given has the labels that occur once, in alphabetical order.
func (b *builder) terms(equation string, in []view) (terms []string, out string) {
	left, out, given := strings.Cut(equation, "->")
	terms = strings.Split(left, ",")
	if len(terms) != len(in) || len(in) > 2 {
		refuse("equation is %q for %d inputs, need one for one or two inputs", equation, len(in))
	}
	const dots = "..."
	batch := ""
	for i, t := range terms {
		if k := strings.Index(t, dots); k >= 0 {
			count := len(in[i].axes) - (len(t) - len(dots))
			if !within(count, 0, 26) || batch != "" && len(batch) != count {
				refuse("equation is %q, whose dots do not match shape %v", equation, in[i].shape())
			}
			batch = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[26-count:]
			terms[i] = t[:k] + batch + t[k+len(dots):]
		}
	}
	if !given {
		labels := []byte(strings.Join(terms, ""))
		slices.Sort(labels)
		for _, c := range labels {
			if s := string(c); strings.Count(string(labels), s) == 1 {
				out += s
			}
		}
	}
	out = strings.Replace(out, dots, batch, 1)
	other := func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' }
	if strings.ContainsFunc(strings.Join(terms, "")+out, other) {
		refuse("equation is %q, need one of letters and ->, with commas and dots", equation)
	}
	return terms, out
}

// diagonal returns v with one axis for each label: of axes of the same label, the elements
// with the same index.
func (b *builder) diagonal(v view, labels string) (view, string) {
	for q := 1; q < len(labels); q++ {
		p := strings.IndexByte(labels, labels[q])
		if p == q {
			continue
		}
		shape := v.shape()
		size := shape[p]
		if shape[q] != size {
			refuse("equation has the label %q for %d and for %d elements", labels[q], size, shape[q])
		}
		perm, _ := lastOf(len(shape), []int{p, q})
		v = v.transposed(perm)
		shape = v.shape()
		rest := len(shape) - 2
		v = b.sliced(b.reshaped(v, append(shape[:rest:rest], size*size)), rest, 0, size, size+1)
		labels = labels[:p] + labels[p+1:q] + labels[q+1:] + labels[q:q+1]
		q = 0
	}
	return v, labels
}

// contracted returns the product of x and y, whose axes have labels p and q, summed over the
// labels that out lacks.
func (b *builder) contracted(x, y view, p, q, out, equation string) view {
	var batch, contract, rows, columns string
	sizes := map[rune]int{}
	for i, r := range p {
		sizes[r] = x.shape()[i]
		switch c := string(r); {
		case !strings.Contains(q, c):
			rows += c
		case strings.Contains(out, c):
			batch += c
		default:
			contract += c
		}
	}
	for i, r := range q {
		if s, ok := sizes[r]; ok && s != y.shape()[i] {
			refuse("equation is %q, which does not match shapes %v and %v", equation, x.shape(), y.shape())
		} else if !ok {
			columns += string(r)
		}
		sizes[r] = y.shape()[i]
	}
	grouped := func(v view, labels string, groups ...string) view {
		v = labelled(v, labels, strings.Join(groups, ""), equation)
		out, at := view{of: v.of, off: v.off}, 0
		for _, g := range groups {
			out.axes = append(out.axes, slices.Concat(v.axes[at:at+len(g)]...))
			at += len(g)
		}
		return out.tidy()
	}
	product := b.product(grouped(x, p, batch, rows, contract), grouped(y, q, batch, contract, columns))
	var shape []int
	for _, r := range batch + rows + columns {
		shape = append(shape, sizes[r])
	}
	return labelled(b.reshaped(product, shape), batch+rows+columns, out, equation)
}

// summed sums v over the axes whose labels are not in wanted.
func (b *builder) summed(v view, labels, wanted string) (view, string) {
	var axes []int
	kept := ""
	for i, r := range labels {
		if strings.ContainsRune(wanted, r) {
			kept += string(r)
		} else {
			axes = append(axes, i)
		}
	}
	if axes == nil {
		return v, kept
	}
	v = b.reduced(v, "sum", axes)
	for _, k := range slices.Backward(axes) {
		v.axes = slices.Delete(slices.Clone(v.axes), k, k+1)
	}
	return v, kept
}

// labelled returns v, whose axes have labels, with its axes in the order of out.
func labelled(v view, labels, out, equation string) view {
	var perm []int
	for _, r := range out {
		k := strings.IndexRune(labels, r)
		if k < 0 || slices.Contains(perm, k) {
			refuse("equation is %q: %q is in no input, or twice in the output", equation, r)
		}
		perm = append(perm, k)
	}
	if len(perm) != len(labels) {
		refuse("equation is %q: need every label once", equation)
	}
	return v.transposed(perm)
}
