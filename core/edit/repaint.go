package edit

import (
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// RePaint goes back to higher noise levels and down again, which harmonises repainted
// and known pixels: Lugmayr et al. 2022, arXiv:2201.09865, Algorithm 1, with the jumps
// of section 4.2. The zero value turns it off. It travels as JSON from the page to the
// worker.
type RePaint struct {
	Resamplings int `json:"resamplings,omitempty"` // r: how often each segment is sampled; 0 means 1; the paper uses 10
	Jump        int `json:"jump,omitempty"`        // j: length of a jump in steps, below the number of steps; 0 means the paper's 10, or one less than the number of steps
}

const (
	defaultJump = 10        // Lugmayr et al. 2022, section 5
	maxWalk     = 1<<20 - 1 // most steps in all, so that streams do not collide
)

// Validate returns an error unless r is valid for a schedule of the given steps.
func (r RePaint) Validate(steps int) error {
	if r.Resamplings < 0 || r.Resamplings > maxWalk {
		return settings.Errorf("resample", r.Resamplings, "a whole number from 1 to %d", maxWalk)
	}
	if r.Jump < 0 {
		return settings.Errorf("jump", r.Jump, "a whole number of at least 1")
	}
	if r.Resamplings <= 1 {
		return nil
	}
	if steps < 2 {
		return settings.Errorf("resample", r.Resamplings, "1 with a single step: there is nothing to repeat")
	}
	if r.Jump >= steps {
		return settings.Errorf("jump", r.Jump, "below the number of steps, %d", steps)
	}
	if n := r.Steps(steps); n > maxWalk {
		return settings.Errorf("resample", r.Resamplings, "lower: it makes %d steps in all, and at most %d are allowed", n, maxWalk)
	}
	return nil
}

// NFE returns how often Inpaint calls the denoiser for a method with options o and a
// schedule of the given steps. o must be valid for the method, and r for the steps.
// Every segment is a separate run of the method. Of restart it is an upper bound: only the segments
// that come to the level of the restarts have them.
func (r RePaint) NFE(m sampler.Method, o sampler.Options, steps int) int {
	segments, err := r.segments(steps)
	if err != nil {
		panic("edit: RePaint.NFE: invalid settings")
	}
	nfe := 0
	for _, w := range segments {
		nfe += m.NFE(o, w.to-w.from, w.to == steps)
	}
	return nfe
}

// Steps returns the total number of steps, including repeated ones.
func (r RePaint) Steps(steps int) int {
	if r.Resamplings <= 1 {
		return steps
	}
	j := r.jumpLength(steps)
	jumps := (steps - 1) / j // number of levels to jump from
	return steps + jumps*(r.Resamplings-1)*j
}

func (r RePaint) jumpLength(steps int) int {
	if r.Jump == 0 {
		return min(defaultJump, steps-1)
	}
	return r.Jump
}

// segment is a run of consecutive steps, from one index of sigmas to a greater one.
type segment struct{ from, to int }

// segments returns the segments of a whole run. Each but the first starts with a jump
// back from the end of the previous one. As in the paper's schedule there are r−1 jumps
// from the lowest level above 0, and from every j-th level above it that is at least j
// steps from the start.
func (r RePaint) segments(steps int) ([]segment, error) {
	if err := r.Validate(steps); err != nil {
		return nil, err
	}
	remaining := make([]int, steps+1) // remaining jumps at each level
	if r.Resamplings > 1 {
		j := r.jumpLength(steps)
		for level := steps - 1; level-j >= 0; level -= j {
			remaining[level] = r.Resamplings - 1
		}
	}
	var segments []segment
	current := segment{0, 0}
	for current.to < steps {
		current.to++
		if remaining[current.to] == 0 {
			continue
		}
		remaining[current.to]--
		segments = append(segments, current)
		back := current.to - r.jumpLength(steps)
		current = segment{back, back}
	}
	return append(segments, current), nil
}
