package train

// DSM is denoising score matching at a single noise level: Vincent 2011, "A connection
// between score matching and denoising autoencoders", section 4, with a Gaussian kernel,
//
//	½·E‖s(x) − ∇ log q(x|x₀)‖² = ½·E‖D − x₀‖²/σ⁴
type DSM struct{ Level float32 }

// Sigma implements Objective.
func (o DSM) Sigma(_, _ uint64, _ uint32) float32 { return o.Level }

// Lambda implements Objective.
func (o DSM) Lambda(sigma float32) float64 {
	v := float64(sigma) * float64(sigma)
	return 1 / (2 * v * v)
}
