package picture

import (
	"fmt"
	"slices"
)

// MaxSide is the longest side, in pixels, of a picture that is fitted and of a
// model that it is fitted to.
const MaxSide = 1 << 14

// RGBA is a picture of bytes [Height,Width,4]: red, green, blue and alpha, the
// colours not multiplied by alpha. It is what ImageData holds in a browser and
// image.NRGBA in Go.
type RGBA struct {
	Width, Height int
	Pix           []uint8
}

// Fitted is a picture as a model takes it.
type Fitted struct {
	Pix      []uint8 // [H,W,C]
	Inverted bool    // whether dark and light were exchanged
}

// Fit returns p as a model of the given shape, C, H, W, takes it; C is 1 (grey),
// 3 (RGB) or 4 (RGBA). p is left unchanged. The error names a wrong option, size
// or number of bytes.
func Fit(p RGBA, shape [3]int, o Options) (Fitted, error) {
	c, h, w := shape[0], shape[1], shape[2]
	if err := check(p, shape, o); err != nil {
		return Fitted{}, err
	}
	background, err := o.background(c != 4 && light(p))
	if err != nil {
		return Fitted{}, err
	}
	s := source{RGBA: p, keepAlpha: c == 4, background: background}
	frame := make([]uint8, 4*h*w)
	switch {
	case p.Width == w && p.Height == h:
		s.copy(frame)
	case o.Fit == Pad:
		fill(frame, s.border())
		s.resize(frame, w, s.bounds(), inner(s.bounds(), w, h))
	default:
		s.resize(frame, w, outer(s.bounds(), w, h), rect{0, 0, w, h})
	}
	invert := o.Invert == InvertYes || o.Invert == InvertAuto && c == 1 && luma(s.border()) > 127
	pix := channels(frame, c, invert)
	if c == 1 && o.Levels == LevelsAuto {
		stretch(pix, h, w)
	}
	return Fitted{pix, invert}, nil
}

// light reports whether p is a light drawing on nothing: a part of it is transparent, and what
// can be seen is lighter than the middle.
func light(p RGBA) bool {
	var sum, weight, clear uint64
	for i := 0; i < len(p.Pix); i += 4 {
		q := [4]uint8(p.Pix[i:])
		sum += uint64(luma(q)) * uint64(q[3])
		weight += uint64(q[3])
		if q[3] < 128 {
			clear++
		}
	}
	return clear > 0 && sum > 127*weight
}

// leastContrast is the difference of levels below which stretch leaves them as they are.
const leastContrast = 32

// stretch maps the levels of one channel [h,w] so that nine tenths of the border become black
// and the lightest hundredth becomes white.
func stretch(pix []uint8, h, w int) {
	var border, all [256]int
	edge := 0
	for i, v := range pix {
		all[v]++
		if y, x := i/w, i%w; y == 0 || y == h-1 || x == 0 || x == w-1 {
			border[v]++
			edge++
		}
	}
	low, high := quantile(border, edge*9/10), quantile(all, len(pix)*99/100)
	if high-low < leastContrast {
		return
	}
	for i, v := range pix {
		pix[i] = uint8((min(max(int(v)-low, 0), high-low)*255 + (high-low)/2) / (high - low))
	}
}

// quantile returns the level with at most n of the pixels below it.
func quantile(levels [256]int, n int) int {
	for v, count := range levels {
		if n -= count; n < 0 {
			return v
		}
	}
	return 255
}

// Mask returns p as the mask of a model of the given shape, bytes [H,W]: 255
// where a pixel is repainted, 0 where it is kept. It is Fit for one channel, but
// over black: a transparent pixel of a mask repaints nothing. Only Fit of o has an
// effect. A mask with the levels 0 and 1 alone, as programs store truth values, is
// taken as black and white.
func Mask(p RGBA, shape [3]int, o Options) ([]uint8, error) {
	if err := check(p, shape, Options{}); err == nil && binary(p) {
		p.Pix = slices.Clone(p.Pix)
		for i := range p.Pix {
			if i%4 != 3 {
				p.Pix[i] *= 255
			}
		}
	}
	f, err := Fit(p, [3]int{1, shape[1], shape[2]}, Options{Fit: o.Fit, Background: "black"})
	return f.Pix, err
}

// binary reports whether the levels of p are 0 and 1, and some are 1.
func binary(p RGBA) bool {
	some := false
	for i, v := range p.Pix {
		if i%4 != 3 && v > 1 {
			return false
		}
		some = some || i%4 != 3 && v == 1
	}
	return some
}

func check(p RGBA, shape [3]int, o Options) error {
	c, h, w := shape[0], shape[1], shape[2]
	switch {
	case p.Width < 1 || p.Height < 1 || p.Width > MaxSide || p.Height > MaxSide:
		return fmt.Errorf("picture: sides must be between 1 and %d pixels (got %d×%d, width × height)", MaxSide, p.Width, p.Height)
	case len(p.Pix) != 4*p.Width*p.Height:
		return fmt.Errorf("picture: %d×%d pixels (width × height) must have %d bytes, 4 a pixel (got %d)", p.Width, p.Height, 4*p.Width*p.Height, len(p.Pix))
	case c != 1 && c != 3 && c != 4:
		return fmt.Errorf("picture: the model must have 1 (grey), 3 (RGB) or 4 (RGBA) channels (got %d)", c)
	case h < 1 || w < 1 || h > MaxSide || w > MaxSide:
		return fmt.Errorf("picture: the model's sides must be between 1 and %d pixels (got %d×%d, width × height)", MaxSide, w, h)
	}
	return o.Validate()
}

// source is a picture whose pixels are composed as they are read.
type source struct {
	RGBA
	keepAlpha  bool
	background [3]uint8
}

func (s *source) bounds() rect { return rect{0, 0, s.Width, s.Height} }

// at returns the pixel in column x of row y, opaque unless alpha is kept.
func (s *source) at(x, y int) [4]uint8 {
	p := [4]uint8(s.Pix[4*(y*s.Width+x):])
	if s.keepAlpha || p[3] == 255 {
		return p
	}
	alpha := uint32(p[3]) * 0x101
	for i, under := range s.background {
		p[i] = over(p[i], alpha, under)
	}
	p[3] = 255
	return p
}

// over composes a colour with an alpha of 16 bits over another.
func over(colour uint8, alpha uint32, under uint8) uint8 {
	const most = 0xffff
	return uint8((uint32(colour)*alpha/0xff + uint32(under)*((most-alpha)*0x101)/most) >> 8)
}

// copy writes the pixels to frame, which has the picture's size.
func (s *source) copy(frame []uint8) {
	for y := range s.Height {
		for x := range s.Width {
			p := s.at(x, y)
			copy(frame[4*(y*s.Width+x):], p[:])
		}
	}
}

// border returns the mean colour of the outermost pixels.
func (s *source) border() [4]uint8 {
	var m mean
	for y := range s.Height {
		step := 1
		if y > 0 && y < s.Height-1 {
			step = max(1, s.Width-1)
		}
		for x := 0; x < s.Width; x += step {
			m.add(1, s.at(x, y))
		}
	}
	return m.colour()
}

// channels returns frame with c channels.
func channels(frame []uint8, c int, invert bool) []uint8 {
	out := make([]uint8, len(frame)/4*c)
	for i := range len(frame) / 4 {
		p := [4]uint8(frame[4*i:])
		if c == 1 {
			p[0] = luma(p)
		}
		if invert {
			p[0], p[1], p[2] = 255-p[0], 255-p[1], 255-p[2]
		}
		copy(out[c*i:c*(i+1)], p[:])
	}
	return out
}

// luma returns the luma of ITU-R BT.601 in 16 bits, rounded to 8, as
// color.GrayModel has it.
func luma(p [4]uint8) uint8 {
	r, g, b := uint32(p[0])*0x101, uint32(p[1])*0x101, uint32(p[2])*0x101
	return uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 24)
}

func fill(frame []uint8, p [4]uint8) {
	for i := 0; i < len(frame); i += 4 {
		copy(frame[i:], p[:])
	}
}
