package diffusion

// Consistency is the parametrization of consistency models (Song et al. 2023,
// arXiv:2303.01469, appendix C). Their network gives f(x;σ), the end of the
// probability-flow ODE's path through x, and not E[x₀|x]. It is EDM shifted so that
// f(x;σ_min) = x.
//
//	c_skip = σ_d²/((σ−σ_min)² + σ_d²)   c_out = σ_d·(σ−σ_min)/√(σ² + σ_d²)
type Consistency struct {
	SigmaData float64 // standard deviation of the data's pixels, > 0; the paper uses 0.5
	SigmaMin  float64 // the level where f is the identity; the paper uses 0.002
}

// Coefficients implements Parametrization.
func (p Consistency) Coefficients(sigma float32) (Coefficients, error) {
	c, err := EDM{p.SigmaData}.Coefficients(sigma)
	above, d := max(0, float64(sigma)-p.SigmaMin), p.SigmaData
	c.CSkip = d * d / (float64(above*above) + float64(d*d))
	c.COut = d * above * c.CIn
	return c, err
}
