package diffusion

import "math"

// Epsilon is the parametrisation of Ho et al. 2020, arXiv:2006.11239, eq. 15: the
// network is given z_t = √ᾱ_t·x and the step t, and predicts ε. With ᾱ = 1/(1+σ²),
//
//	D(x;σ) = x − σ·ε̂(x/√(1+σ²); t(σ)).
//
// Between two steps of the chain t is fractional. Noise levels outside the chain
// are refused.
type Epsilon struct{ Chain *Chain }

// Coefficients implements Parametrisation.
func (p Epsilon) Coefficients(sigma float32) (Coefficients, error) {
	t, err := p.Chain.Time(sigma)
	if err != nil {
		return Coefficients{}, err
	}
	s := float64(sigma)
	return Coefficients{
		CSkip:  1,
		COut:   -s,
		CIn:    1 / math.Sqrt(1+float64(s*s)),
		CNoise: t,
	}, nil
}
