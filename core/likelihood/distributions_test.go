package likelihood

import (
	"math"

	"tweedie/core/tensor"
)

// u32 is float32's unit roundoff.
const u32 = 1.0 / (1 << 24)

// mixture is a distribution of independent pixels with density, denoiser and its
// derivative in closed form.
type mixture []component

type component struct{ mean, sd, weight float64 }

var two = mixture{{-0.6, 0.15, 0.7}, {0.5, 0.25, 0.3}}

// logDensity returns ln p of one pixel with noise of a level.
func (m mixture) logDensity(x, sigma float64) float64 {
	sum := 0.0
	for _, p := range m {
		v := p.sd*p.sd + sigma*sigma
		sum += p.weight / math.Sqrt(2*math.Pi*v) * math.Exp(-(x-p.mean)*(x-p.mean)/(2*v))
	}
	return math.Log(sum)
}

// at returns D and dD/dx, from posterior means and variances: dD/dx = Var(x₀|x)/σ².
func (m mixture) at(x, sigma float64) (denoised, slope float64) {
	s := sigma * sigma
	largest, logs := math.Inf(-1), make([]float64, len(m))
	for i, p := range m {
		v := p.sd*p.sd + s
		logs[i] = math.Log(p.weight) - math.Log(v)/2 - (x-p.mean)*(x-p.mean)/(2*v)
		largest = max(largest, logs[i])
	}
	var total, mean, square float64
	for i, p := range m {
		w, v := math.Exp(logs[i]-largest), p.sd*p.sd
		mu := (v*x + s*p.mean) / (v + s)
		total += w
		mean += w * mu
		square += w * (mu*mu + v*s/(v+s))
	}
	mean, square = mean/total, square/total
	return mean, (square - mean*mean) / s
}

func (m mixture) denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	d, _, err := m.product(x, x, sigma)
	return d, err
}

// product is the Product in closed form.
func (m mixture) product(x, e *tensor.Tensor, sigma float32) (denoised, product *tensor.Tensor, err error) {
	denoised, product = tensor.New(x.Shape...), tensor.New(x.Shape...)
	for i, v := range x.Data {
		d, slope := m.at(float64(v), float64(sigma))
		denoised.Data[i], product.Data[i] = float32(d), float32(slope*float64(e.Data[i]))
	}
	return denoised, product, nil
}

// correlated is a normal distribution of three correlated pixels: independent ones with
// standard deviations sds, rotated by the orthogonal matrix axes.
type correlated struct {
	axes [3][3]float64
	sds  [3]float64
}

var turned = correlated{
	axes: [3][3]float64{{2. / 3, 2. / 3, 1. / 3}, {-2. / 3, 1. / 3, 2. / 3}, {1. / 3, -2. / 3, 2. / 3}},
	sds:  [3]float64{0.9, 0.3, 0.1},
}

// jacobian returns ∂D/∂x = C·(C+σ²)⁻¹.
func (c correlated) jacobian(sigma float64) (j [3][3]float64) {
	for k, axis := range c.axes {
		v := c.sds[k] * c.sds[k]
		for a := range 3 {
			for b := range 3 {
				j[a][b] += axis[a] * axis[b] * v / (v + sigma*sigma)
			}
		}
	}
	return j
}

func (c correlated) product(x, e *tensor.Tensor, sigma float32) (denoised, product *tensor.Tensor, err error) {
	denoised, product = tensor.New(x.Shape...), tensor.New(x.Shape...)
	j := c.jacobian(float64(sigma))
	for i := range x.Shape[0] {
		for a := range 3 {
			var d, p float64
			for b := range 3 {
				d += j[a][b] * float64(x.Row(i)[b])
				p += j[a][b] * float64(e.Row(i)[b])
			}
			denoised.Row(i)[a], product.Row(i)[a] = float32(d), float32(p)
		}
	}
	return denoised, product, nil
}

func (c correlated) logDensity(x []float32, sigma float64) (sum float64) {
	for k, axis := range c.axes {
		along := 0.0
		for a, v := range axis {
			along += v * float64(x[a])
		}
		v := c.sds[k]*c.sds[k] + sigma*sigma
		sum -= along*along/(2*v) + math.Log(2*math.Pi*v)/2
	}
	return sum
}
