package output

import (
	"image/color"
)

// Hue returns one of eleven colours that are easy to distinguish: those of Okabe & Ito 2008,
// and some between them.
func Hue(i int) color.Color {
	all := []uint32{0x000000, 0xE69F00, 0x56B4E9, 0x009E73, 0xCC79A7, 0x0072B2, 0xD55E00, 0x8C6D1F, 0x7A4FB5, 0x6B6B6B, 0xA00030}
	v := all[i%len(all)]
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}
