package importer

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// loop is a run of five steps of a pipeline of diffusers, with the noises that it drew.
type loop struct {
	name, method string
	eta          float64
	draws        []*tensor.Tensor // one for each step
	samples      []*tensor.Tensor // after each step
	start        *tensor.Tensor   // of standard deviation 1
}

// readLoop reads the arrays of a run.
func readLoop(t *testing.T, name, method string, eta float64) loop {
	l := loop{name: name, method: method, eta: eta}
	folder := filepath.Join(golden, "ddpm", "loop")
	each := func(kind string) (out []*tensor.Tensor) {
		if _, err := os.Stat(filepath.Join(folder, kind+"-"+name+".npy")); err != nil {
			return nil
		}
		v, shape := readArray(t, folder, kind+"-"+name+".npy")
		for i := range shape[0] {
			out = append(out, pixelsLast(v[i*len(v)/shape[0]:(i+1)*len(v)/shape[0]], shape[1:]))
		}
		return out
	}
	l.draws, l.samples = each("step_noise"), each("samples")
	l.start = pixelsLast(readArray(t, folder, "noise-"+name+".npy"))
	return l
}

// The steps of diffusers' pipelines are repeated by the samplers here, at the noise levels of its
// scheduler and with the noises that it drew. There x is √ᾱ times what it is here: x/√(1+σ²).
func TestDiffusersLoops(t *testing.T) {
	for _, l := range []loop{
		readLoop(t, "ddpm", "ddpm", 0), readLoop(t, "ddpm-fixed-large", "ddpm-large", 0),
		readLoop(t, "ddim-eta0", "ddim", 0), readLoop(t, "ddim-eta0.5", "ddim", 0.5),
	} {
		t.Run(l.name, l.compare)
	}
}

func (l loop) compare(t *testing.T) {
	folder := filepath.Join(golden, "ddpm")
	read := func(name string) []byte {
		data, err := weights.ReadFile(filepath.Join(folder, name), maxConfig)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	ck, err := Read(write(t, map[string][]byte{
		configName: read(configName), weightsName: read(weightsName), schedulerName: read("loop/scheduler-" + l.name + ".json"),
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	c := ck.Model.Config()
	if c.Defaults.Threshold != "static" {
		t.Errorf("threshold is %q, want static", c.Defaults.Threshold)
	}
	chain, err := c.Chain()
	if err != nil {
		t.Fatal(err)
	}
	low, high := c.SigmaRange()
	s := sampler.Settings{Method: l.method, Steps: len(l.samples), Eta: l.eta, Schedule: sampler.Schedule{Kind: c.Defaults.Schedule}}
	sigmas, err := s.Sigmas(low, high, chain)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ck.Model.NewRunner(l.start.Shape[0], infer.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	z, denoise := l.start, r.Denoiser(none(l.start.Shape[0]), 1)
	for i, from := range sigmas[:len(l.samples)] {
		to := l.after(chain, i, sigmas[i+1])
		x := z.Scaled(float32(math.Sqrt(1 + float64(from*from))))
		noise := func(uint32) *tensor.Tensor {
			if i < len(l.draws) {
				return l.draws[i]
			}
			return tensor.New(x.Shape...)
		}
		if x, err = l.step(denoise, x, []float32{from, to}, noise); err != nil {
			t.Fatal(err)
		}
		if l.name == "ddpm-fixed-large" && to == 0 { // diffusers adds noise of variance β in the last step too, unless it is step 0 of the chain
			x = x.AddScaled(float32(float64(from)/math.Sqrt(1+float64(from*from))), l.draws[i])
		}
		z = x.Scaled(float32(1 / math.Sqrt(1+float64(to*to))))
		l.near(t, fmt.Sprint("after step ", i), z, l.samples[i])
		z = l.samples[i] // so that differences do not grow
	}
}

// after returns the noise level at which diffusers ends step i, whose end here is next. With
// linspace its DDIM goes a fifth of the chain down, although the next step starts elsewhere.
func (l loop) after(chain *diffusion.Chain, i int, next float32) float32 {
	if l.name != "ddim-eta0.5" || i == len(l.samples)-1 {
		return next
	}
	n := chain.Steps()
	return float32(chain.Sigmas[sampler.Linspace(len(l.samples), n)[len(l.samples)-1-i]-n/len(l.samples)])
}

// step takes one step between two noise levels.
func (l loop) step(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, noise sampler.Noise) (*tensor.Tensor, error) {
	switch l.method {
	case "ddim":
		return sampler.DDIM(func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
			return clippedByDDIM(denoise, x, sigma, sigmas[1], l.eta)
		}, x, sigmas, l.eta, noise, nil)
	case "ddpm":
		return sampler.DDPM(diffusion.Clipped(denoise), x, sigmas, sampler.VarianceSmall, noise, nil)
	}
	return sampler.DDPM(diffusion.Clipped(denoise), x, sigmas, sampler.VarianceLarge, noise, nil)
}

// none returns the classes of n images without a class.
func none(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

// clippedByDDIM returns the D with which a step of DDIM goes where diffusers goes: it clips the
// predicted image, but takes the direction of the noise from the image before that.
func clippedByDDIM(denoise diffusion.Denoiser, x *tensor.Tensor, sigma, next float32, eta float64) (*tensor.Tensor, error) {
	raw, err := denoise(x, sigma)
	if err != nil {
		return nil, err
	}
	a, b := float64(sigma), float64(next)
	keep := b / a * math.Sqrt(1-eta*eta*(a-b)*(a+b)/(a*a)) // of x − D
	out := tensor.New(raw.Shape...)
	for i, v := range raw.Data {
		d := float64(v)
		out.Data[i] = float32((min(max(d, -1), 1) - keep*d) / (1 - keep))
	}
	return out, nil
}

// near fails unless got is within tolerance of want.
func (l loop) near(t *testing.T, what string, got, want *tensor.Tensor) {
	t.Helper()
	worst, largest := 0.0, 0.0
	for i, w := range want.Data {
		worst = max(worst, math.Abs(float64(got.Data[i])-float64(w)))
		largest = max(largest, math.Abs(float64(w)))
	}
	if !(worst <= tolerance*largest) {
		t.Errorf("%s: the largest difference is %.2g of the largest number, want at most %g", what, worst/largest, tolerance)
	}
}
