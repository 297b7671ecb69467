//go:build !goexperiment.simd

package kernel

// Without GOEXPERIMENT=simd there are no implementations but the references.
var (
	addSIMD       []impl[func(y, a, b []float32)]
	scaleSIMD     []impl[func(y, x []float32, a float32)]
	addScaledSIMD []impl[func(y, x []float32, a float32)]
	addRowsSIMD   []impl[func(y, x, bias []float32)]
	add4SIMD      []impl[func(y, a, b, c, d []float32)]

	siluSIMD []impl[func(y, x []float32)]

	eluSIMD []impl[func(y, x []float32)]

	columnMeansSIMD []impl[func(mean, x []float32, n Norm)]

	groupNormSIMD []impl[groupNormFunc]

	softmaxSIMD []impl[func(p []float32, scale float32) float32]
)

func sumRowsSIMD() []impl[func(db, dy []float32)] { return nil }

func eluBackwardSIMD() []impl[func(dx, y, dy []float32)] { return nil }

func groupNormBackwardSIMD() []impl[groupNormBackwardFunc] { return nil }

func siluBackwardSIMD() []impl[func(dx, x, dy []float32)] { return nil }

func softmaxGradSIMD() []impl[func(dp, p []float32, scale float32)] { return nil }
