package model

import (
	"fmt"
	"math"
)

// Pixels returns the lowest and the highest number of a pixel of the network. Everywhere else
// pixels span [−1,1].
func (c *Config) Pixels() (low, high float32) {
	switch {
	case c.UnitPixels:
		return 0, 1
	case c.PixelRange != nil:
		return float32(c.PixelRange[0]), float32(c.PixelRange[1])
	}
	return -1, 1
}

func (c *Config) validatePixels() error {
	r := c.PixelRange
	switch {
	case r == nil:
	case c.UnitPixels:
		return fmt.Errorf("model: %w: unit_pixels and pixel_range exclude each other", ErrConfig)
	case !(math.Abs(r[0]) <= 1e4 && math.Abs(r[1]) <= 1e4 && r[1]-r[0] >= 1e-3):
		return fmt.Errorf("model: %w: pixel_range must be two increasing numbers from -1e4 to 1e4 (got %v)", ErrConfig, *r)
	}
	return nil
}
