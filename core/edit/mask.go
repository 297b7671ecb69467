package edit

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/tensor"
)

// CheckMask returns an error unless mask is [h,w], all its values lie in [0,1], and
// at least one is not 0. 1 repaints a pixel, 0 keeps it.
func CheckMask(mask *tensor.Tensor, h, w int) error {
	if mask == nil {
		return errors.New("edit: mask must not be nil")
	}
	if len(mask.Shape) != 2 || mask.Shape[0] != h || mask.Shape[1] != w {
		return fmt.Errorf("edit: mask: the shape must be that of the image, [%d %d] (got %v)", h, w, mask.Shape)
	}
	if len(mask.Data) != h*w {
		return fmt.Errorf("edit: mask of shape %v must have %d numbers (got %d)", mask.Shape, h*w, len(mask.Data))
	}
	empty := true
	for i, m := range mask.Data {
		if !(m >= 0 && m <= 1) {
			return fmt.Errorf("edit: mask: values must be between 0 and 1 (got %g at row %d, column %d)", m, i/w, i%w)
		}
		empty = empty && m == 0
	}
	if empty {
		return fmt.Errorf("edit: mask: at least one of the %d×%d pixels must be above 0, to be repainted (got all 0)", h, w)
	}
	return nil
}

// checkKnown returns an error unless known is [1,H,W,C] or [n,H,W,C] with the
// given H, W, C, and all numbers are finite.
func checkKnown(known *tensor.Tensor, batch []int) error {
	s := known.Shape
	if len(s) != 4 || (s[0] != 1 && s[0] != batch[0]) || s[1] != batch[1] || s[2] != batch[2] || s[3] != batch[3] {
		return fmt.Errorf("edit: image: the shape must be %v, or the same with 1 as first axis (got %v)", batch, s)
	}
	if len(known.Data) != tensor.Size(s) {
		return fmt.Errorf("edit: image of shape %v must have %d numbers (got %d)", s, tensor.Size(s), len(known.Data))
	}
	for i, v := range known.Data {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			c, x, y := i%s[3], i/s[3]%s[2], i/s[3]/s[2]%s[1]
			return fmt.Errorf("edit: image: values must be finite (got %g at channel %d, row %d, column %d)", v, c, y, x)
		}
	}
	return nil
}

// knownImage is the known image and its mask.
type knownImage struct {
	known *tensor.Tensor // [1,H,W,C] or [N,H,W,C]
	mask  *tensor.Tensor // [H,W]
}

// row returns the known pixels of the i-th image of the batch.
func (p knownImage) row(i int) []float32 {
	if p.known.Shape[0] == 1 {
		i = 0
	}
	return p.known.Row(i)
}

// each calls f for every value of x with its row and index in it, the mask there and
// the known value.
func (p knownImage) each(x *tensor.Tensor, f func(row []float32, at int, m, known float32)) {
	channels := x.Shape[3]
	for i := range x.Shape[0] {
		row, known := x.Row(i), p.row(i)
		for at := range row {
			f(row, at, p.mask.Data[at/channels], known[at])
		}
	}
}

// start adds the known pixels to the initial noise x.
func (p knownImage) start(x *tensor.Tensor) {
	p.each(x, func(row []float32, at int, m, known float32) {
		if m == 0 {
			row[at] += known
		}
	})
}

// restore copies the pixels that the mask keeps from from to x.
func (p knownImage) restore(x, from *tensor.Tensor) {
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
func (p knownImage) project(x, z *tensor.Tensor, sigma float32) {
	noise := z.Data
	i := 0
	p.each(x, func(row []float32, at int, m, known float32) {
		if m == 0 {
			row[at] = known + float32(sigma*noise[i])
		}
		i++
	})
}

// finish blends x with the known pixels by the mask m: m·x + (1−m)·known, which is
// exactly the known pixel for m = 0 and x for m = 1.
func (p knownImage) finish(x *tensor.Tensor) {
	p.each(x, func(row []float32, at int, m, known float32) {
		switch {
		case m == 0:
			row[at] = known
		case m < 1:
			row[at] = float32(m*row[at]) + float32((1-m)*known)
		}
	})
}
