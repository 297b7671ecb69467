package diffusion

// thermodynamicBetas returns β_t = 1/(T−t+2), t = 1 … T: the schedule of
// Sohl-Dickstein et al. 2015, arXiv:1503.03585, section 2.4.1, which erases the same
// part of the signal at every step, ᾱ_t = 1 − t/(T+1).
//
// That paper is where diffusion models start, and it is a special case twice over.
// Its Gaussian kernel N(z_t; √(1−β_t)·z_{t−1}, β_t·I) is a Chain's, with β learned
// there; so this schedule, which the paper states for the other kernel, is a kind of
// Schedule here. Its binomial kernel B(z_t; z_{t−1}·(1−β_t) + ½β_t) is Categorical's
// uniform one with two values. The paper's last step has β = 1 and leaves no signal,
// σ = ∞, where nothing can be denoised: T here is one less than there.
//
// In continuous time ᾱ(t) = 1 − t.
func thermodynamicBetas(steps int) []float64 {
	betas := make([]float64, steps)
	for t := range betas {
		betas[t] = 1 / float64(steps-t+1)
	}
	return betas
}
