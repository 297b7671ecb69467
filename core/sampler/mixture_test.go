package sampler

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// u32 is float32's unit roundoff.
const u32 = 1.0 / (1 << 24)

// gaussian is the exact denoiser for pixels drawn from N(0, sd²). Its ODE has the
// closed form x(σ) = x(σ₀)·√((σ²+sd²)/(σ₀²+sd²)). With sd 0 the data are the
// single point 0.
func gaussian(sd float64) diffusion.Denoiser {
	return mixture{{0, sd, 1}}.denoise
}

// mixture is the distribution of pixels drawn independently from a mixture of normal
// distributions; a component of standard deviation 0 is a point.
type mixture []component

type component struct{ mean, sd, weight float64 }

func (m mixture) denoise(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	for i, v := range x.Data {
		out.Data[i] = float32(m.at(float64(v), float64(sigma)))
	}
	return out, nil
}

// at returns E[x₀|x], the exact denoiser: the components' posterior means, weighted by
// their densities at x. It rounds explicitly, because TestSameBitsEverywhere uses it.
func (m mixture) at(x, sigma float64) float64 {
	largest := math.Inf(-1) // subtracted from log densities, which could all underflow
	for _, p := range m {
		largest = math.Max(largest, p.logDensity(x, sigma))
	}
	var sum, total float64
	for _, p := range m {
		w := num.Exp(p.logDensity(x, sigma) - largest)
		v, s := float64(p.sd*p.sd), float64(sigma*sigma)
		mean := (float64(v*x) + float64(s*p.mean)) / (v + s)
		sum += float64(w * mean)
		total += w
	}
	return sum / total
}

func (p component) logDensity(x, sigma float64) float64 {
	v := float64(p.sd*p.sd) + float64(sigma*sigma)
	off := x - p.mean
	return num.Log(p.weight) - float64(num.Log(v)/2) - float64(off*off)/(2*v)
}

// two is a mixture that is not symmetric, so that nothing cancels by chance.
var two = mixture{{-0.6, 0.1, 0.7}, {0.5, 0.2, 0.3}}

// startPoints returns n starting points from −2σ to 2σ.
func startPoints(n int, sigma float32) *tensor.Tensor {
	x := tensor.New(n, 1, 1, 1)
	for i := range x.Data {
		x.Data[i] = sigma * (4*float32(i)/float32(n-1) - 2)
	}
	return x
}

// settings returns default settings of a method.
func settingsOf(m Method) Settings {
	s := Settings{Method: m.Name, Steps: 8}
	if m.Needs == NeedsPosterior {
		s.Posterior = &diffusion.PosteriorVariance{Sigmas: []float64{0.05, 0.5, 4}, Variances: []float64{0.002, 0.1, 0.3}}
	}
	return s
}

// karras returns the levels of Karras for n steps, with a final 0.
func karras(t testing.TB, n int, low, high float64) []float32 {
	t.Helper()
	sigmas, err := Karras(n, low, high, 7)
	if err != nil {
		t.Fatal(err)
	}
	return sigmas
}

// variance returns the mean square of x.
func variance(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(x))
}

// checkVariance compares the mean square of n independent normal numbers of mean
// 0 with their variance: the bound is five standard deviations, v·√(2/n).
func checkVariance(t *testing.T, what string, x []float32, want float64) {
	t.Helper()
	got, bound := variance(x), 5*want*math.Sqrt(2/float64(len(x)))
	if !(math.Abs(got-want) <= bound) {
		t.Errorf("%s: variance is %g, want %g ± %.2g", what, got, want, bound)
	}
}
