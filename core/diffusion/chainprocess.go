package diffusion

// Kernel implements Process. Between two steps ln σ is linear in t. This makes a
// Chain a continuous variance-preserving process whose transitions from step to step
// are those of the chain, z_t = √(1−β_t)·z_{t−1} + √β_t·ε. At a step the rates are
// those of the interval that begins there.
func (c *Chain) Kernel(t float64) Kernel {
	sigma := c.Sigma(t)
	variance := float64(sigma * sigma)
	i := max(0, min(int(t), len(c.Sigmas)-2))
	if len(c.Sigmas) == 1 {
		return variancePreserving(variance, 0)
	}
	return variancePreserving(variance, 2*variance*(c.logSigmas[i+1]-c.logSigmas[i]))
}

// Span implements Process: the steps 0 to T−1.
func (c *Chain) Span() (first, last float64) { return 0, float64(len(c.Sigmas) - 1) }
