package diffusion

// thermodynamicBetas returns β_t = 1/(T−t+2), t = 1 … T: the schedule of
// Sohl-Dickstein et al. 2015, arXiv:1503.03585, section 2.4.1, which removes the same
// amount of signal at every step, ᾱ_t = 1 − t/(T+1).
//
// That paper introduced diffusion models, with two kernels. Its Gaussian kernel
// N(z_t; √(1−β_t)·z_{t−1}, β_t·I), whose β the paper learns, is a Chain; its binomial
// kernel B(z_t; z_{t−1}·(1−β_t) + ½β_t), for which the paper states this schedule, is
// Categorical with UniformTarget(2). The paper's last step has β = 1 and removes all
// signal, σ = ∞, where denoising is impossible: T here is one less than in the paper.
//
// In continuous time ᾱ(t) = 1 − t.
func thermodynamicBetas(steps int) []float64 {
	betas := make([]float64, steps)
	for t := range betas {
		betas[t] = 1 / float64(steps-t+1)
	}
	return betas
}
