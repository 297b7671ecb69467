//go:build goexperiment.simd

package kernel

import "simd"

var (
	addSIMD       = []impl[func(y, a, b []float32)]{{"simd", !simd.Emulated(), addSimd}}
	scaleSIMD     = []impl[func(y, x []float32, a float32)]{{"simd", !simd.Emulated(), scaleSimd}}
	addScaledSIMD = []impl[func(y, x []float32, a float32)]{{"simd", !simd.Emulated(), addScaledSimd}}
	addRowsSIMD   = []impl[func(y, x, bias []float32)]{{"simd", !simd.Emulated(), addRowsSimd}}
	add4SIMD      = []impl[func(y, a, b, c, d []float32)]{{"simd", !simd.Emulated(), add4Simd}}
)

func addSimd(y, a, b []float32) {
	var v simd.Float32s
	w := v.Len()
	a, b = a[:len(y)], b[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		simd.LoadFloat32s(a[i : i+w]).Add(simd.LoadFloat32s(b[i : i+w])).Store(y[i : i+w])
	}
	addRef(y[i:], a[i:], b[i:])
}

func scaleSimd(y, x []float32, a float32) {
	va := simd.BroadcastFloat32s(a)
	w := va.Len()
	x = x[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		va.Mul(simd.LoadFloat32s(x[i : i+w])).Store(y[i : i+w])
	}
	scaleRef(y[i:], x[i:], a)
}

func addScaledSimd(y, x []float32, a float32) {
	va := simd.BroadcastFloat32s(a)
	w := va.Len()
	x = x[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		yi := y[i : i+w]
		simd.LoadFloat32s(yi).Add(va.Mul(simd.LoadFloat32s(x[i : i+w]))).Store(yi)
	}
	addScaledRef(y[i:], x[i:], a)
}

// addRowsSimd processes one column of vectors at a time, so that the bias stays in a
// register.
func addRowsSimd(y, x, bias []float32) {
	c := len(bias)
	var v simd.Float32s
	w := v.Len()
	j := 0
	for ; j <= c-w; j += w {
		b := simd.LoadFloat32s(bias[j:])
		for i := j; i <= len(x)-w; i += c {
			simd.LoadFloat32s(x[i : i+w]).Add(b).Store(y[i : i+w])
		}
	}
	for ; j < c; j++ {
		for i := j; i < len(x); i += c {
			y[i] = x[i] + bias[j]
		}
	}
}

func sumRowsSimd(db, dy []float32) {
	c := len(db)
	var v simd.Float32s
	w := v.Len()
	j := 0
	for ; j <= c-w; j += w {
		sum := simd.LoadFloat32s(db[j:])
		for i := j; i <= len(dy)-w; i += c {
			sum = sum.Add(simd.LoadFloat32s(dy[i : i+w]))
		}
		sum.Store(db[j:])
	}
	for ; j < c; j++ {
		for i := j; i < len(dy); i += c {
			db[j] += dy[i]
		}
	}
}

func add4Simd(y, a, b, c, d []float32) {
	var v simd.Float32s
	w := v.Len()
	a, b, c, d = a[:len(y)], b[:len(y)], c[:len(y)], d[:len(y)]
	i := 0
	for ; i <= len(y)-w; i += w {
		yi := y[i : i+w]
		ab := simd.LoadFloat32s(a[i : i+w]).Add(simd.LoadFloat32s(b[i : i+w]))
		cd := simd.LoadFloat32s(c[i : i+w]).Add(simd.LoadFloat32s(d[i : i+w]))
		simd.LoadFloat32s(yi).Add(ab.Add(cd)).Store(yi)
	}
	add4Ref(y[i:], a[i:], b[i:], c[i:], d[i:])
}

func sumRowsSIMD() []impl[func(db, dy []float32)] {
	return []impl[func(db, dy []float32)]{{"simd", !simd.Emulated(), sumRowsSimd}}
}
