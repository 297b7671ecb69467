package edit

import (
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// CheckMask returns an error unless mask is [H,W], every number of it lies in
// [0,1], and at least one is not 0. 1 repaints a pixel, 0 keeps it.
func CheckMask(mask *tensor.Tensor, h, w int) error {
	if len(mask.Shape) != 2 || mask.Shape[0] != h || mask.Shape[1] != w {
		return fmt.Errorf("edit: mask: shape is %v, need [%d %d], the image's", mask.Shape, h, w)
	}
	if len(mask.Data) != h*w {
		return fmt.Errorf("edit: mask of shape %v must have %d numbers (got %d)", mask.Shape, h*w, len(mask.Data))
	}
	empty := true
	for i, m := range mask.Data {
		if !(m >= 0 && m <= 1) {
			return fmt.Errorf("edit: mask: pixel at row %d, column %d is %g, need 0 to 1", i/w, i%w, m)
		}
		empty = empty && m == 0
	}
	if empty {
		return fmt.Errorf("edit: mask: all %d×%d pixels are 0, need at least one to repaint", h, w)
	}
	return nil
}

// checkKnown returns an error unless known is [1,H,W,C] or [n,H,W,C] with the
// given H, W, C, and all numbers are finite.
func checkKnown(known *tensor.Tensor, batch []int) error {
	s := known.Shape
	if len(s) != 4 || (s[0] != 1 && s[0] != batch[0]) || s[1] != batch[1] || s[2] != batch[2] || s[3] != batch[3] {
		return fmt.Errorf("edit: image: shape is %v, need %v, or 1 for its first axis", s, batch)
	}
	if len(known.Data) != tensor.Size(s) {
		return fmt.Errorf("edit: image of shape %v must have %d numbers (got %d)", s, tensor.Size(s), len(known.Data))
	}
	for i, v := range known.Data {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			c, x, y := i%s[3], i/s[3]%s[2], i/s[3]/s[2]%s[1]
			return fmt.Errorf("edit: image: channel %d at row %d, column %d is %g, need a finite number", c, y, x, v)
		}
	}
	return nil
}

// picture is a known image and its mask, as every level of a run sees them.
type picture struct {
	known *tensor.Tensor // [1,H,W,C] or [N,H,W,C]
	mask  *tensor.Tensor // [H,W]
}

// row returns the known pixels of the i-th image of the batch.
func (p picture) row(i int) []float32 {
	if p.known.Shape[0] == 1 {
		i = 0
	}
	return p.known.Row(i)
}

// each calls f for every number of x with its index in x.Row(i), the mask there
// and the known value.
func (p picture) each(x *tensor.Tensor, f func(row []float32, at int, m, known float32)) {
	channels := x.Shape[3]
	for i := range x.Shape[0] {
		row, known := x.Row(i), p.row(i)
		for at := range row {
			f(row, at, p.mask.Data[at/channels], known[at])
		}
	}
}

// start adds the known pixels to the noise x that a run starts from.
func (p picture) start(x *tensor.Tensor) {
	p.each(x, func(row []float32, at int, m, known float32) {
		if m == 0 {
			row[at] += known
		}
	})
}

// keep puts the pixels of from that the mask keeps into x.
func (p picture) keep(x, from *tensor.Tensor) {
	i := 0
	p.each(x, func(row []float32, at int, m, _ float32) {
		if m == 0 {
			row[at] = from.Data[i]
		}
		i++
	})
}

// project replaces the pixels of x that the mask keeps by known + sigma·z. z has
// the shape of x.
func (p picture) project(x, z *tensor.Tensor, sigma float32) {
	noise := z.Data
	i := 0
	p.each(x, func(row []float32, at int, m, known float32) {
		if m == 0 {
			row[at] = known + float32(sigma*noise[i])
		}
		i++
	})
}

// finish blends x into the known pixels by the mask: the known pixel where it is
// 0, x where it is 1, m·x + (1−m)·known between.
func (p picture) finish(x *tensor.Tensor) {
	p.each(x, func(row []float32, at int, m, known float32) {
		switch {
		case m == 0:
			row[at] = known
		case m < 1:
			row[at] = float32(m*row[at]) + float32((1-m)*known)
		}
	})
}
