package kernel

// Concat writes a [rows,ca] and b [rows,cb], concatenated along the channels, to y
// [rows,ca+cb]. It panics unless the lengths match.
func Concat(y, a, b []float32, rows, ca, cb int) {
	checkConcat(y, a, b, rows, ca, cb)
	c := ca + cb
	for r := range rows {
		copy(y[r*c:r*c+ca], a[r*ca:])
		copy(y[r*c+ca:r*c+c], b[r*cb:])
	}
}

// ConcatBackward adds to da [rows,ca] and db [rows,cb] their channels of dy
// [rows,ca+cb]. It panics unless the lengths match.
func ConcatBackward(da, db, dy []float32, rows, ca, cb int) {
	checkConcat(dy, da, db, rows, ca, cb)
	c := ca + cb
	for r := range rows {
		a, b := da[r*ca:(r+1)*ca], db[r*cb:(r+1)*cb]
		addFast(a, a, dy[r*c:r*c+ca])
		addFast(b, b, dy[r*c+ca:r*c+c])
	}
}

func checkConcat(y, a, b []float32, rows, ca, cb int) {
	if rows < 0 || ca < 0 || cb < 0 || len(a) != rows*ca || len(b) != rows*cb || len(y) != rows*(ca+cb) {
		panic("kernel: Concat: lengths must match the shape")
	}
}
