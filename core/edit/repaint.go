package edit

import (
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// RePaint goes back up the noise levels and down again, so that what is painted
// and what is known meet at every level: Lugmayr et al. 2022, arXiv:2201.09865,
// Algorithm 1, with the jumps of its section 4.2. The zero value does not. It
// travels as JSON from the page to the worker.
type RePaint struct {
	Resamplings int `json:"resamplings,omitempty"` // r: how often each stretch is walked; 0 means 1; the paper uses 10
	Jump        int `json:"jump,omitempty"`        // j: length of a stretch in steps, below the number of steps; 0 means the paper's 10, or as many as there are
}

const (
	defaultJump = 10        // Lugmayr et al. 2022, section 5
	maxWalk     = 1<<20 - 1 // steps, so that streams do not meet
)

// Validate returns an error unless r suits a schedule of the given steps.
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

// NFE returns how often Inpaint calls the denoiser for a method, with options that
// suit it, and a schedule of the given steps, for which r is valid: every stretch
// is a run of its own.
func (r RePaint) NFE(m sampler.Method, o sampler.Options, steps int) int {
	walk, err := r.walk(steps)
	if err != nil {
		panic("edit: NFE of an invalid walk")
	}
	nfe := 0
	for _, w := range walk {
		nfe += m.NFE(o, w.to-w.from, w.to == steps)
	}
	return nfe
}

// Steps returns the steps of the whole walk: every jump is walked again.
func (r RePaint) Steps(steps int) int {
	if r.Resamplings <= 1 {
		return steps
	}
	j := r.jump(steps)
	jumps := (steps - 1) / j // places to jump from
	return steps + jumps*(r.Resamplings-1)*j
}

func (r RePaint) jump(steps int) int {
	if r.Jump == 0 {
		return min(defaultJump, steps-1)
	}
	return r.Jump
}

// stretch is a run of steps down the schedule, from one index of sigmas to a
// greater one.
type stretch struct{ from, to int }

// walk returns the stretches of the whole walk. Each but the first starts by
// jumping back from the end of the one before. As in the paper's own schedule
// one can jump back from the lowest level above 0 and from every j-th above it,
// as long as the j steps are there, r−1 times from each.
func (r RePaint) walk(steps int) ([]stretch, error) {
	if err := r.Validate(steps); err != nil {
		return nil, err
	}
	left := make([]int, steps+1) // jumps left at each level
	if r.Resamplings > 1 {
		j := r.jump(steps)
		for level := steps - 1; level-j >= 0; level -= j {
			left[level] = r.Resamplings - 1
		}
	}
	var walk []stretch
	at := stretch{0, 0}
	for at.to < steps {
		at.to++
		if left[at.to] == 0 {
			continue
		}
		left[at.to]--
		walk = append(walk, at)
		back := at.to - r.jump(steps)
		at = stretch{back, back}
	}
	return append(walk, at), nil
}
