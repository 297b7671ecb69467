package quant

// Numbers are the numbers of a weight: float32, or, where Float is nil, int8 codes
// with a scale for each row, row-major. Code c of row r stands for
// float32(c)·Scales[r].
type Numbers struct {
	Float  []float32
	Codes  []int8
	Scales []float32
}

// Len returns how many numbers there are.
func (n Numbers) Len() int { return len(n.Float) + len(n.Codes) }

// Float32 returns the numbers: Float itself, or a new slice.
func (n Numbers) Float32() []float32 {
	if n.Float != nil {
		return n.Float
	}
	w := make([]float32, len(n.Codes))
	DequantiseInt8(w, n.Codes, n.Scales)
	return w
}

// Rows returns rows [low, high) of a matrix of so many rows, sharing its numbers.
func (n Numbers) Rows(low, high, rows int) Numbers {
	width := n.Len() / rows
	if n.Float != nil {
		return Numbers{Float: n.Float[low*width : high*width]}
	}
	return Numbers{Codes: n.Codes[low*width : high*width], Scales: n.Scales[low:high]}
}
