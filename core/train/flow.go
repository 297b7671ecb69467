package train

// FlowMatching is conditional flow matching on straight paths z = (1−t)·x₀ + t·ε
// (Lipman et al. 2023, arXiv:2210.02747, eq. 9 with σ_min = 0 and time reversed; Liu
// et al. 2023, arXiv:2209.03003, eq. 1): t is uniform in (0,1), and ‖v̂ − (ε − x₀)‖²
// has no weight. With σ = t/(1−t), λ(σ) is 1/t² = ((1+σ)/σ)².
type FlowMatching struct{}

// Sigma implements Objective.
func (FlowMatching) Sigma(seed, sample uint64, stream uint32) float32 {
	t := uniform(seed, sample, stream)
	return float32(t / (1 - t))
}

// Lambda implements Objective.
func (FlowMatching) Lambda(sigma float32) float64 {
	inverse := (1 + float64(sigma)) / float64(sigma)
	return inverse * inverse
}
