package kernel

import "tweedie/core/num"

// Sinusoid writes the sinusoidal embedding of t (Vaswani et al. 2017,
// arXiv:1706.03762, section 3.5) in the form of diffusers' Timesteps: with
// half = len(y)/2 and frequencies
//
//	f[i] = exp(−ln(10000)·i/(half − freqShift))
//
// y is sin(t·f[i]) followed by cos(t·f[i]), or cos followed by sin if flipSinToCos is
// set. If its length is odd, the last element is 0. As in diffusers the exponent, f and
// t·f are each rounded to float32; exp, sin and cos are core/num's in float64.
//
// It panics unless half is 0 or greater than freqShift.
func Sinusoid(y []float32, t float32, flipSinToCos bool, freqShift float32) {
	half := len(y) / 2
	if half > 0 && !(float32(half) > freqShift) {
		panic("kernel: Sinusoid: half of the length must be greater than freqShift")
	}
	const lnMaxPeriod = 9.210340371976184 // ln 10000
	sin, cos := y[:half], y[half:2*half]
	if flipSinToCos {
		sin, cos = cos, sin
	}
	for i := range half {
		exponent := float32(-lnMaxPeriod) * float32(i) / (float32(half) - freqShift)
		angle := t * float32(num.Exp(float64(exponent)))
		sin[i] = float32(num.Sin(float64(angle)))
		cos[i] = float32(num.Cos(float64(angle)))
	}
	if len(y)%2 == 1 {
		y[len(y)-1] = 0
	}
}

// Fourier writes sin(t·w[i]) and cos(t·w[i]). The products are rounded to float32; sin and
// cos are core/num's in float64. It panics unless the lengths are equal.
func Fourier(sin, cos, w []float32, t float32) {
	if len(sin) != len(w) || len(cos) != len(w) {
		panic("kernel: Fourier: lengths must be equal")
	}
	for i, w := range w {
		angle := float64(t * w)
		sin[i], cos[i] = float32(num.Sin(angle)), float32(num.Cos(angle))
	}
}
