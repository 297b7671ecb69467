package train

import "tweedie/core/rng"

// augmented changes the picture x [H,W,C] of a draw as the configuration says: it is
// mirrored with probability one half, and shifted by up to Shift pixels along each axis;
// pixels that move into the frame repeat the border.
func (w *worker) augmented(x []float32, draw uint64) {
	c, d := w.t.config, w.t.data
	if !c.Flip && c.Shift == 0 {
		return
	}
	var u [3]float32
	rng.Uniform(u[:], c.Seed, draw, augmentStream)
	down := int(u[1]*float32(2*c.Shift+1)) - c.Shift
	right := int(u[2]*float32(2*c.Shift+1)) - c.Shift
	flip := c.Flip && u[0] < 0.5
	w.before = append(w.before[:0], x...)
	for y := range d.H {
		fromY := min(max(y-down, 0), d.H-1)
		for at := range d.W {
			fromX := min(max(at-right, 0), d.W-1)
			if flip {
				fromX = d.W - 1 - fromX
			}
			copy(x[(y*d.W+at)*d.C:(y*d.W+at+1)*d.C], w.before[(fromY*d.W+fromX)*d.C:])
		}
	}
}
