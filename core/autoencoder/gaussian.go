package autoencoder

import (
	"fmt"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Gaussian is q(z|x), a diagonal Gaussian.
type Gaussian struct {
	Mean, LogVariance *tensor.Tensor // [N,h,w,LatentChannels]
}

// The range of the logarithm of a variance: that of diffusers, which keeps exp within float32.
const lowestLog, highestLog = -30, 20

// Posterior splits the output of an encoder [N,h,w,2C] into mean and logarithm of the variance.
// The error names a shape that cannot be split.
func Posterior(out *tensor.Tensor) (Gaussian, error) {
	if len(out.Shape) != 4 || out.Shape[3]%2 != 0 {
		return Gaussian{}, fmt.Errorf("autoencoder: the output of an encoder must be [N,h,w,2C] (got %v)", out.Shape)
	}
	c := out.Shape[3] / 2
	q := Gaussian{tensor.New(out.Shape[0], out.Shape[1], out.Shape[2], c), tensor.New(out.Shape[0], out.Shape[1], out.Shape[2], c)}
	for i := range len(out.Data) / (2 * c) {
		copy(q.Mean.Data[i*c:(i+1)*c], out.Data[2*i*c:])
		for k, v := range out.Data[2*i*c+c : 2*(i+1)*c] {
			q.LogVariance.Data[i*c+k] = min(max(v, lowestLog), highestLog)
		}
	}
	return q, nil
}

// Sample returns mean + σ·noise, a new tensor (Kingma & Welling 2014, section 2.4). It panics
// unless noise has the shape of the mean.
func (q Gaussian) Sample(noise *tensor.Tensor) *tensor.Tensor {
	if len(noise.Data) != len(q.Mean.Data) {
		panic("autoencoder: Sample: noise must have the shape of the mean")
	}
	z := q.Mean.Clone()
	for i := range z.Data {
		z.Data[i] += float32(float32(num.Exp(float64(q.LogVariance.Data[i])/2)) * noise.Data[i])
	}
	return z
}

// Divergence returns KL(q(z|x) ‖ N(0, I)) of each image in nats: ½ Σ (μ² + σ² − 1 − ln σ²)
// (Kingma & Welling 2014, appendix B).
func (q Gaussian) Divergence() []float64 {
	out := make([]float64, q.Mean.Shape[0])
	size := tensor.Size(q.Mean.Shape[1:])
	for i := range out {
		for k := range size {
			mean, log := float64(q.Mean.Data[i*size+k]), float64(q.LogVariance.Data[i*size+k])
			out[i] += (float64(mean*mean) + num.Exp(log) - 1 - log) / 2
		}
	}
	return out
}
