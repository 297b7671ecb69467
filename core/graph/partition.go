package graph

// Need says what an operation reads in order to compute some of its output's
// channels, the last axis.
type Need int

const (
	Everything Need = iota // its operation cannot be divided by channels
	Rows                   // its inputs whole, and the rows of its parameters that are those channels
	Own                    // the same channels of its inputs and parameters
	Positions              // Everything, but its first input for the positions that it computes alone
)

// Partition returns the operation that computes channels [starts[i], starts[i+1]) of
// op's output of shape out, and what that needs. Its bits are those of op, for
// every i, or the need is Everything and the operation op itself.
func Partition(op Op, in [][]int, out, starts []int, i int) (Op, Need) {
	last, own := out[len(out)-1], starts[i+1]-starts[i]
	switch o := op.(type) {
	case Linear:
		return o, Rows
	case Conv:
		if o.Turned {
			return op, Everything
		}
		whole := o.Window(in[0]).SuitsWinograd(last)
		for k, start := range starts[1:] {
			if o.Window(in[0]).SuitsWinograd(start-starts[k]) != whole {
				return op, Everything
			}
		}
		return o, Rows
	case GroupNorm:
		if !along(starts, last/o.Groups) {
			return op, Everything
		}
		o.Groups = own * o.Groups / last
		return o, Own
	case Attention:
		if !along(starts, last/o.Heads) {
			return op, Positions
		}
		o.Heads = own * o.Heads / last
		return o, Own
	case SiLU, ELU, Affine, Add, AddChannels, Upsample, AveragePool, Bilinear:
		return op, Own
	}
	return op, Everything
}

// along reports whether every start is a multiple of width.
func along(starts []int, width int) bool {
	for _, s := range starts {
		if s%width != 0 {
			return false
		}
	}
	return true
}
