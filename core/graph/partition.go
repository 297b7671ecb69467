package graph

// Need is what an operation reads to compute some channels, the last axis, of its output.
type Need int

const (
	NeedAll       Need = iota // everything: the operation cannot be divided
	NeedRows                  // all of its inputs, and the rows of its parameters for those channels
	NeedChannels              // the same channels of its inputs and parameters
	NeedPositions             // cannot be divided by channels, but by positions of the first input
)

// Partition returns the operation that computes channels [starts[i], starts[i+1]) of
// op's output, whose shape is out, and what that operation needs. Its bits are those of
// op. If op cannot be divided by channels for every i, it returns op itself.
func Partition(op Op, in [][]int, out, starts []int, i int) (Op, Need) {
	last, own := out[len(out)-1], starts[i+1]-starts[i]
	switch o := op.(type) {
	case Linear:
		return o, NeedRows
	case Conv:
		if o.Transposed {
			return op, NeedAll
		}
		whole := o.Window(in[0]).SuitsWinograd(last)
		for k, start := range starts[1:] {
			if o.Window(in[0]).SuitsWinograd(start-starts[k]) != whole {
				return op, NeedAll
			}
		}
		return o, NeedRows
	case GroupNorm:
		if !aligned(starts, last/o.Groups) {
			return op, NeedAll
		}
		o.Groups = own * o.Groups / last
		return o, NeedChannels
	case Attention:
		if !aligned(starts, last/o.Heads) {
			return op, NeedPositions
		}
		o.Heads = own * o.Heads / last
		return o, NeedChannels
	case SiLU, ELU, Affine, Add, AddChannels, Upsample, AveragePool, Bilinear:
		return op, NeedChannels
	}
	return op, NeedAll
}

// aligned reports whether all starts are multiples of width.
func aligned(starts []int, width int) bool {
	for _, s := range starts {
		if s%width != 0 {
			return false
		}
	}
	return true
}
