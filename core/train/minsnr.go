package train

// MinSNR is the weighting of Hang et al. 2023, arXiv:2303.09556, section 3.4, on any
// objective: an error of D counts
//
//	λ(σ) = min(1/σ², γ)
//
// where 1/σ² is the signal-to-noise ratio, and makes of L_simple what ‖ε − ε̂‖² is
// but at the low levels. Whatever the network predicts, the paper's table of weights
// is this one.
type MinSNR struct {
	Of    Objective // draws the noise levels
	Gamma float64   // γ > 0; the paper uses 5
}

// Sigma implements Objective.
func (o MinSNR) Sigma(seed, sample uint64, stream uint32) float32 {
	return o.Of.Sigma(seed, sample, stream)
}

// Lambda implements Objective.
func (o MinSNR) Lambda(sigma float32) float64 {
	return min(1/(float64(sigma)*float64(sigma)), o.Gamma)
}
