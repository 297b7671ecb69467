package kernel

// Add writes a + b to y, element by element. y may be a or b. It panics unless the
// lengths are equal.
func Add(y, a, b []float32) {
	if len(y) != len(a) || len(y) != len(b) {
		panic("kernel: Add: lengths must be equal")
	}
	addFast(y, a, b)
}

// AddTo adds x to y, element by element. It panics unless the lengths are equal.
func AddTo(y, x []float32) {
	if len(y) != len(x) {
		panic("kernel: AddTo: lengths must be equal")
	}
	addFast(y, y, x)
}

// Scale writes a·x to y. y may be x. It panics unless the lengths are equal.
func Scale(y, x []float32, a float32) {
	if len(y) != len(x) {
		panic("kernel: Scale: lengths must be equal")
	}
	scaleFast(y, x, a)
}

// AddScaled adds a·x to y. The product and the sum are rounded separately. It panics unless
// the lengths are equal.
func AddScaled(y, x []float32, a float32) {
	if len(y) != len(x) {
		panic("kernel: AddScaled: lengths must be equal")
	}
	addScaledFast(y, x, a)
}

// AddRows writes x plus bias to y: bias [C] is added to every row of x [rows,C].
// y may be x. It panics unless y and x have the same length, a multiple of C.
func AddRows(y, x, bias []float32) {
	if len(y) != len(x) {
		panic("kernel: AddRows: lengths must be equal")
	}
	if len(bias) == 0 || len(x)%len(bias) != 0 {
		panic("kernel: AddRows: len(x) must be a multiple of len(bias)")
	}
	addRowsFast(y, x, bias)
}

// Modulate writes (1+scale)·x + shift to y: scale and shift [C] apply to every row of x
// [rows,C]. Every sum and product is rounded. y may be x. It panics unless y and x have
// the same length, a multiple of C.
func Modulate(y, x, scale, shift []float32) {
	c := len(scale)
	if len(y) != len(x) || c != len(shift) || c == 0 || len(x)%c != 0 {
		panic("kernel: Modulate: y and x must be [rows,C], scale and shift [C]")
	}
	for at := 0; at < len(x); at += c {
		row, in := y[at:at+c], x[at:at+c]
		for i, v := range in {
			row[i] = float32((1+scale[i])*v) + shift[i]
		}
	}
}

// SumRows adds the column sums of dy [rows,C] to db [C]: the gradient of AddRows with
// respect to bias. It panics unless len(dy) is a multiple of C.
func SumRows(db, dy []float32) {
	if len(db) == 0 || len(dy)%len(db) != 0 {
		panic("kernel: SumRows: len(dy) must be a multiple of len(db)")
	}
	sumRowsFast.of(sumRowsImpls)(db, dy)
}

// addImpls, scaleImpls and so on list every implementation in this build, the
// reference first and the fastest last. Tests compare them all.
var (
	addImpls       = append([]impl[func(y, a, b []float32)]{{"ref", true, addRef}}, addSIMD...)
	scaleImpls     = append([]impl[func(y, x []float32, a float32)]{{"ref", true, scaleRef}}, scaleSIMD...)
	addScaledImpls = append([]impl[func(y, x []float32, a float32)]{{"ref", true, addScaledRef}}, addScaledSIMD...)
	addRowsImpls   = append([]impl[func(y, x, bias []float32)]{{"ref", true, addRowsRef}}, addRowsSIMD...)
)

var (
	addFast       = fastest(addImpls)
	scaleFast     = fastest(scaleImpls)
	addScaledFast = fastest(addScaledImpls)
	addRowsFast   = fastest(addRowsImpls)
)

var sumRowsFast lazy[func(db, dy []float32)]

func sumRowsImpls() []impl[func(db, dy []float32)] {
	return append([]impl[func(db, dy []float32)]{{"ref", true, sumRowsRef}}, sumRowsSIMD()...)
}
