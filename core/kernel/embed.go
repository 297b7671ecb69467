package kernel

// Embed copies row id of table [rows,c] to y [c]. It panics unless the row
// exists and the lengths match.
func Embed(y, table []float32, id, c int) {
	copy(y, embedRow(table, y, id, c))
}

// EmbedBackward adds dy [c] to row id of dtable [rows,c]. It panics unless the
// row exists and the lengths match.
func EmbedBackward(dtable, dy []float32, id, c int) {
	row := embedRow(dtable, dy, id, c)
	addFast(row, row, dy)
}

func embedRow(table, y []float32, id, c int) []float32 {
	if c <= 0 || len(y) != c || len(table)%c != 0 {
		panic("kernel: Embed: lengths must match the shape")
	}
	if id < 0 || id >= len(table)/c {
		panic("kernel: Embed: id must be the number of a row")
	}
	return table[id*c : (id+1)*c]
}
