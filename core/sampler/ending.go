package sampler

// The choices of Options.SolverType: how a solver of second order uses its two values.
const (
	SolverMidpoint = "midpoint" // the difference of the values has the weight of half the step
	SolverHeun     = "heun"     // the line through the values is integrated exactly
)

// SolverTypes lists the choices of Options.SolverType, the default first. It is read only.
var SolverTypes = []string{SolverMidpoint, SolverHeun}

// secondOrder returns the rule of a multistep solver for a choice of SolverTypes.
func secondOrder(kind string) rule {
	if kind == SolverHeun {
		return interpolationRule
	}
	return midpointRule
}

// ending is the whole schedule of a multistep solver whose last steps are of lower order (Lu et
// al. 2022, arXiv:2211.01095, section 5.2): the last step of order 1, the one before of order 2,
// and so on. nil lowers no order.
type ending []float32

// order returns the order of the step from sigma, at most highest.
func (e ending) order(sigma float32, highest int) int {
	if e == nil {
		return highest
	}
	steps := 0 // from sigma to the end
	for i := len(e) - 1; i >= 0 && e[i] < sigma; i-- {
		steps++
	}
	return max(min(steps, highest), 1)
}

// ending returns the ending of a run.
func (r *run) ending() ending {
	if r.LowerOrderFinal {
		return r.whole
	}
	return nil
}
