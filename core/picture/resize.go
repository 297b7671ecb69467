package picture

// rect is a rectangle of pixels: its left upper corner and its size.
type rect struct{ x, y, w, h int }

// outer returns the largest rectangle of the proportions w:h about the centre of b.
func outer(b rect, w, h int) rect {
	cw, ch := b.w, b.h
	if cw*h > ch*w {
		cw = max(1, ch*w/h)
	} else {
		ch = max(1, cw*h/w)
	}
	return rect{b.x + (b.w-cw)/2, b.y + (b.h-ch)/2, cw, ch}
}

// inner returns the largest rectangle of b's proportions, to whole pixels, about
// the centre of a frame of w×h.
func inner(b rect, w, h int) rect {
	iw, ih := w, h
	if b.w*h > b.h*w {
		ih = max(1, (2*b.h*w+b.w)/(2*b.w))
	} else {
		iw = max(1, (2*b.w*h+b.h)/(2*b.h))
	}
	return rect{(w - iw) / 2, (h - ih) / 2, iw, ih}
}

// resize draws the part from of s on the part to of frame, whose rows have
// width pixels.
func (s *source) resize(frame []uint8, width int, from, to rect) {
	columns, rows := taps(from.w, to.w), taps(from.h, to.h)
	row := make([]mean, to.w)
	for y, down := range rows {
		clear(row)
		for j, weight := range down.weights {
			for x, across := range columns {
				for i, part := range across.weights {
					row[x].add(weight*part, s.at(from.x+across.first+i, from.y+down.first+j))
				}
			}
		}
		for x := range row {
			p := row[x].colour()
			copy(frame[4*((to.y+y)*width+to.x+x):], p[:])
		}
	}
}

// tap says of which pixels along an axis another is made: of first and those
// after it, by whole-number weights, the same sum for every tap of an axis.
type tap struct {
	first   int
	weights []uint64
}

// taps returns how `to` pixels are made of `from`.
func taps(from, to int) []tap {
	out := make([]tap, to)
	for i := range out {
		if from >= to {
			out[i] = box(i, from, to)
		} else {
			out[i] = linear(i, from, to)
		}
	}
	return out
}

// box returns the pixels under pixel i. In units of 1/to of a pixel it covers
// [i·from, (i+1)·from), and pixel k covers [k·to, (k+1)·to).
func box(i, from, to int) tap {
	start, end := i*from, (i+1)*from
	t := tap{first: start / to}
	for k := t.first; k*to < end; k++ {
		t.weights = append(t.weights, uint64(min(end, (k+1)*to)-max(start, k*to)))
	}
	return t
}

// linear returns the two pixels between whose centres that of pixel i lies. In
// units of 1/(2·to) of a pixel they are at (2k+1)·to and (2i+1)·from.
func linear(i, from, to int) tap {
	at := min(max((2*i+1)*from-to, 0), 2*to*(from-1))
	k, part := at/(2*to), at%(2*to)
	if part == 0 {
		return tap{k, []uint64{uint64(2 * to)}}
	}
	return tap{k, []uint64{uint64(2*to - part), uint64(part)}}
}

// mean adds up colours by their weights and alphas. MaxSide bounds the weights of
// an axis by 2¹⁵, so that no sum exceeds 2³⁰·255².
type mean struct{ r, g, b, alpha, weight uint64 }

func (m *mean) add(weight uint64, p [4]uint8) {
	a := weight * uint64(p[3])
	m.r += a * uint64(p[0])
	m.g += a * uint64(p[1])
	m.b += a * uint64(p[2])
	m.alpha += a
	m.weight += weight
}

// colour returns the mean, rounded; transparent black where every alpha was 0.
func (m *mean) colour() [4]uint8 {
	if m.alpha == 0 {
		return [4]uint8{}
	}
	half := m.alpha / 2
	return [4]uint8{uint8((m.r + half) / m.alpha), uint8((m.g + half) / m.alpha), uint8((m.b + half) / m.alpha),
		uint8((m.alpha + m.weight/2) / m.weight)}
}
