package quantize

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Levels is the number of noise levels at which models are compared.
const Levels = 5

// Sigmas returns the noise levels, evenly spaced in log σ from the lowest to the highest that
// the model was trained for.
func Sigmas(c model.Config) []float32 {
	low, high := c.SigmaRange()
	ratio := math.Sqrt(math.Sqrt(float64(high) / float64(low))) // the range is four such steps, for Levels = 5
	out := []float32{low}
	for sigma := float64(low); len(out) < Levels-1; {
		sigma *= ratio
		out = append(out, float32(sigma))
	}
	return append(out, high)
}

// Images are pictures in [−1,1], [N,H,W,C], with their classes for a conditional model, −1 for
// none. Class is nil for an unconditional model.
type Images struct {
	X     *tensor.Tensor
	Class []int
}

// check returns an error unless the images suit m.
func (im Images) check(m *model.Model) error {
	if m == nil {
		return errors.New("quantize: the model must not be nil")
	}
	if err := im.X.Check(); err != nil {
		return fmt.Errorf("quantize: images: %w", err)
	}
	c, shape := m.Config(), im.X.Shape
	if len(shape) != 4 || shape[0] < 1 || [3]int{shape[3], shape[1], shape[2]} != c.Shape {
		return fmt.Errorf("quantize: images must have shape [N,%d,%d,%d] with at least one image (got %v)", c.Shape[1], c.Shape[2], c.Shape[0], shape)
	}
	if labels := c.Labels(); len(im.Class) != shape[0] && (labels > 0 || im.Class != nil) {
		return fmt.Errorf("quantize: there must be a class for each of %d images (got %d)", shape[0], len(im.Class))
	}
	for i, class := range im.Class {
		if class < -1 || class >= c.Labels() {
			return fmt.Errorf("quantize: class of image %d must be below the model's %d, or -1 for none (got %d)", i, c.Labels(), class)
		}
	}
	return nil
}

// Len returns the number of images.
func (im Images) Len() int { return im.X.Shape[0] }

// Part returns images [start, end).
func (im Images) Part(start, end int) Images {
	out := Images{X: im.X.Rows(start, end)}
	if im.Class != nil {
		out.Class = im.Class[start:end]
	}
	return out
}

// Noised returns the images with noise of standard deviation sigma, which is level i of Sigmas.
func (im Images) Noised(i int, sigma float32) *tensor.Tensor {
	return im.X.AddScaled(sigma, im.noise(i))
}

// noise returns the noise of the images at level i.
func (im Images) noise(i int) *tensor.Tensor {
	noise := tensor.New(im.X.Shape...)
	for n := range im.Len() {
		rng.Normal(noise.Row(n), noiseSeed, uint64(n), uint32(i))
	}
	return noise
}

// noiseSeed is the seed of the noise on images; its value is arbitrary.
const noiseSeed = 0x7eed1e

// points are the inputs on which the network is evaluated: every image near every noise level,
// in the order of levels.
type points struct {
	n      int         // number of points
	inputs [][]float32 // of the network, in the program's order
	zero   []float32   // D for a network output of zeros
	out    []float64   // for each point, the derivative of D with respect to the network's output
	images int         // number of the network's output channels that D is computed from; the others are learned variances
	all    int         // number of the network's output channels
}

// newPoints returns the points for images.
func newPoints(m *model.Model, im Images) (*points, error) {
	c := m.Config()
	net := m.Network()
	shape := net.Program.Shape(net.Out)
	p := &points{n: Levels * im.Len(), images: c.Shape[0], all: shape[len(shape)-1]}
	recorded := map[string][]float32{}
	constant := float32(0) // the network's output everywhere: D is an affine function of it
	denoise, err := c.Denoiser(func(x *tensor.Tensor, t float32) (*tensor.Tensor, error) {
		if constant == 0 {
			recorded["x"] = append(recorded["x"], x.Data...)
			recorded["t"] = append(recorded["t"], t)
		}
		y := tensor.New(x.Shape[0], x.Shape[1], x.Shape[2], p.all)
		for i := range y.Data {
			y.Data[i] = constant
		}
		return y, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range Levels {
		noise := im.noise(i)
		for n := range im.Len() {
			sigma, image := jitteredSigma(c, i, n), im.Part(n, n+1).X
			x := image.AddScaled(sigma, tensor.Of(noise.Row(n), image.Shape...))
			constant = 0
			zero, err := denoise(x, sigma)
			if err != nil {
				return nil, err
			}
			constant = 1
			one, err := denoise(x, sigma)
			if err != nil {
				return nil, err
			}
			slope, counted := 0.0, 0.0
			for j, v := range one.Data {
				if j%p.all < p.images {
					slope += float64(v) - float64(zero.Data[j])
					counted++
				}
			}
			p.zero, p.out = append(p.zero, zero.Data...), append(p.out, slope/counted)
			if im.Class != nil {
				recorded["y"] = append(recorded["y"], float32(label(c, im.Class[n])))
			}
		}
	}
	for _, d := range net.Program.Inputs {
		if recorded[d.Name] == nil {
			return nil, fmt.Errorf("quantize: the network has the input %q, which calibration does not support", d.Name)
		}
		p.inputs = append(p.inputs, recorded[d.Name])
	}
	return p, nil
}

// jitteredSigma returns the noise level of image n at level i of Sigmas: a value in that
// level's part of the range. With only the five levels themselves, a model could be accurate
// there and nowhere else.
func jitteredSigma(c model.Config, i, n int) float32 {
	low, high := c.SigmaRange()
	_, share := math.Modf((float64(n) + 0.5) * math.Phi) // evenly spread for any number of images
	sigma := float64(Sigmas(c)[i]) * math.Pow(float64(high)/float64(low), (share-0.5)/(Levels-1))
	return max(low, min(high, float32(sigma)))
}

// label returns the network's number of a class, −1 for no class.
func label(c model.Config, class int) int {
	if class < 0 {
		return *c.NullClass
	}
	return class
}

// errors returns the squared error of D at each level, divided by the square of the range of D
// there, if the network's output is f instead of f0.
func (p *points) errors(f, f0 []float32) [Levels]float64 {
	var out [Levels]float64
	per, size := len(f)/Levels, len(f)/p.n
	for level := range out {
		sum, counted, low, high := 0.0, 0.0, math.Inf(1), math.Inf(-1)
		for i := level * per; i < (level+1)*per; i++ {
			if i%p.all >= p.images {
				continue
			}
			counted++
			d := float64(p.zero[i]) + p.out[i/size]*float64(f0[i])
			e := p.out[i/size] * (float64(f[i]) - float64(f0[i]))
			low, high = min(low, d), max(high, d)
			sum += e * e
		}
		out[level] = sum / counted / ((high - low) * (high - low))
	}
	return out
}

// total returns the sum of errors, which is to be minimized.
func total(e [Levels]float64) float64 {
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	return sum
}
