package quant

// Numbers are the values of a parameter: float32, or, if Float is nil, row-major int8
// codes with a scale for each row. Code c in row r has the value float32(c)·Scales[r].
type Numbers struct {
	Float  []float32
	Codes  []int8
	Scales []float32
}

// Len returns the number of values.
func (n Numbers) Len() int { return len(n.Float) + len(n.Codes) }

// Float32 returns the values: Float itself, or a new slice.
func (n Numbers) Float32() []float32 {
	if n.Float != nil {
		return n.Float
	}
	w := make([]float32, len(n.Codes))
	DequantizeInt8(w, n.Codes, n.Scales)
	return w
}

// Rows returns rows [low, high) of a matrix with the given number of rows. The result
// shares memory with n.
func (n Numbers) Rows(low, high, rows int) Numbers {
	width := n.Len() / rows
	if n.Float != nil {
		return Numbers{Float: n.Float[low*width : high*width]}
	}
	return Numbers{Codes: n.Codes[low*width : high*width], Scales: n.Scales[low:high]}
}
