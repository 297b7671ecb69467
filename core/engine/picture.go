package engine

import (
	"fmt"

	"tweedie/core/tensor"
)

// Picture is an image that a request brings, as bytes [H,W,C].
type Picture struct {
	Height, Width, Channels int
	Data                    []uint8
}

// check returns an error that names the picture unless it has the given size and the
// bytes for it.
func (p Picture) check(name string, h, w, c int) error {
	if p.Height != h || p.Width != w || p.Channels != c {
		return fmt.Errorf("engine: %s must be %d×%d×%d (height, width, channels; got %d×%d×%d)",
			name, h, w, c, p.Height, p.Width, p.Channels)
	}
	if len(p.Data) != h*w*c {
		return fmt.Errorf("engine: %s must have %d bytes for %d×%d×%d (height, width, channels; got %d bytes)",
			name, h*w*c, h, w, c, len(p.Data))
	}
	return nil
}

// units returns the picture as numbers in [−1,1], [1,H,W,C].
func (p Picture) units() *tensor.Tensor {
	x := tensor.New(1, p.Height, p.Width, p.Channels)
	for i, b := range p.Data {
		x.Data[i] = unit(b)
	}
	return x
}

// shares returns a picture of one channel as numbers in [0,1], [H,W].
func (p Picture) shares() *tensor.Tensor {
	m := tensor.New(p.Height, p.Width)
	for i, b := range p.Data {
		m.Data[i] = float32(b) / 255
	}
	return m
}
