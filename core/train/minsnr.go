package train

// MinSNR is the weighting of Hang et al. 2023, arXiv:2303.09556, section 3.4, for the
// noise levels of any objective: an error of D has the weight
//
//	λ(σ) = min(1/σ², γ)
//
// where 1/σ² is the signal-to-noise ratio. Applied to L_simple it leaves ‖ε − ε̂‖²
// unchanged except at low levels. The paper's weights for the different predictions
// all amount to this one.
type MinSNR struct {
	Objective Objective // draws the noise levels
	Gamma     float64   // γ > 0; the paper uses 5
}

// Sigma implements Objective.
func (o MinSNR) Sigma(seed, sample uint64, stream uint32) float32 {
	return o.Objective.Sigma(seed, sample, stream)
}

// Lambda implements Objective.
func (o MinSNR) Lambda(sigma float32) float64 {
	return min(1/(float64(sigma)*float64(sigma)), o.Gamma)
}
