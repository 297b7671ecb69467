package kernel

func addRef(y, a, b []float32) {
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func scaleRef(y, x []float32, a float32) {
	for i := range y {
		y[i] = a * x[i]
	}
}

func addScaledRef(y, x []float32, a float32) {
	for i := range y {
		y[i] += float32(a * x[i])
	}
}

func addRowsRef(y, x, bias []float32) {
	c := len(bias)
	for r := 0; r < len(x); r += c {
		addRef(y[r:r+c], x[r:r+c], bias)
	}
}

func sumRowsRef(db, dy []float32) {
	c := len(db)
	for r := 0; r < len(dy); r += c {
		addRef(db, db, dy[r:r+c])
	}
}
