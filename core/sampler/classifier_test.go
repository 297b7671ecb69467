package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// score returns ∇ log p(x;σ) of a pair, from the derivatives of the components' densities.
func (p mixture2D) score(a, b, sigma float64) (da, db float64) {
	log, largest := make([]float64, len(p)), math.Inf(-1)
	for k, q := range p {
		v := q.sd*q.sd + sigma*sigma
		log[k] = math.Log(q.weight/v) - ((a-q.x)*(a-q.x)+(b-q.y)*(b-q.y))/(2*v)
		largest = max(largest, log[k])
	}
	total := 0.0
	for k, q := range p {
		w, v := math.Exp(log[k]-largest), q.sd*q.sd+sigma*sigma
		total += w
		da, db = da-w*(a-q.x)/v, db-w*(b-q.y)/v
	}
	return da / total, db / total
}

// classifierGradient returns the gradient of the exact classifier, ∇ log p(y|x;σ) =
// ∇ log p(x|y;σ) − ∇ log p(x;σ), for a class y that consists of some components of p.
func (p mixture2D) classifierGradient(y mixture2D) diffusion.ClassifierGradient {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		out := tensor.New(x.Shape...)
		for i := 0; i < len(x.Data); i += 2 {
			a, b := float64(x.Data[i]), float64(x.Data[i+1])
			ca, cb := y.score(a, b, float64(sigma))
			da, db := p.score(a, b, float64(sigma))
			out.Data[i], out.Data[i+1] = float32(ca-da), float32(cb-db)
		}
		return out, nil
	}
}

// Guided by the exact classifier with weight 1, an unconditional denoiser samples the
// distribution of the class.
func TestClassifierGuidanceSamplesTheClass(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	class := mixture2D{{three[1].x, three[1].y, three[1].sd, 0.7}, {three[2].x, three[2].y, three[2].sd, 0.3}} // 0.35 : 0.15
	denoise, err := diffusion.ClassifierGuided(three.denoise, three.classifierGradient(class), diffusion.Guidance{Scale: 1, Classifier: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method string
		steps  int
	}{{"heun", 60}, {"dpmpp2m", 80}, {"ddpm", 200}, {"sde-dpmpp", 60}} {
		t.Run(c.method, func(t *testing.T) {
			sigmas := karras(t, c.steps, 0.01, 20)
			noise := NewNoise(5, 0, 16, 1, 160, 1)
			x, err := Run(Settings{Method: c.method}, denoise, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkSliced(t, x, class, 0, 0.01)
		})
	}
}
