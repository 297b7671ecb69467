package quantize

import (
	"fmt"
	"math"

	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// Levels is how many noise levels count.
const Levels = 5

// Sigmas returns the noise levels, spread evenly in log σ from the least that the model
// was trained for to the most.
func Sigmas(c model.Config) []float32 {
	low, high := c.SigmaRange()
	ratio := math.Sqrt(math.Sqrt(float64(high) / float64(low))) // of Levels = 5 levels, four times
	out := []float32{low}
	for sigma := float64(low); len(out) < Levels-1; {
		sigma *= ratio
		out = append(out, float32(sigma))
	}
	return append(out, high)
}

// Images are pictures in [−1,1], [N,H,W,C], with the classes of a conditional model, −1
// for none; Class is nil for another model.
type Images struct {
	X     *tensor.Tensor
	Class []int
}

// Len returns how many images there are.
func (im Images) Len() int { return im.X.Shape[0] }

// Part returns images [start, end).
func (im Images) Part(start, end int) Images {
	size := tensor.Size(im.X.Shape[1:])
	out := Images{X: tensor.Of(im.X.Data[start*size:end*size], append([]int{end - start}, im.X.Shape[1:]...)...)}
	if im.Class != nil {
		out.Class = im.Class[start:end]
	}
	return out
}

// Noised returns the images with noise of that level, level i of Sigmas.
func (im Images) Noised(i int, sigma float32) *tensor.Tensor {
	return im.X.AddScaled(sigma, im.noise(i))
}

// noise returns the images' noise of level i.
func (im Images) noise(i int) *tensor.Tensor {
	noise := tensor.New(im.X.Shape...)
	for n := range im.Len() {
		rng.Normal(noise.Row(n), noiseSeed, uint64(n), uint32(i))
	}
	return noise
}

// noiseSeed is the seed of the noise on images: any number does.
const noiseSeed = 0x7eed1e

// points are what the network is evaluated on: every image near every noise level, the
// images of a level one after the other.
type points struct {
	n      int         // in all
	inputs [][]float32 // of the network, in the program's order
	zero   []float32   // D where the network gives zeros
	out    []float64   // of the points, D's slope in what the network gives
	images int         // of the network's channels, those that D is made of; others are learned variances
	all    int         // channels that the network gives
}

// newPoints returns the points of images.
func newPoints(m *model.Model, im Images) (*points, error) {
	c := m.Config()
	net := m.Network()
	shape := net.Program.Shape(net.Out)
	p := &points{n: Levels * im.Len(), images: c.Shape[0], all: shape[len(shape)-1]}
	given := map[string][]float32{}
	constant := float32(0) // what the network gives, everywhere: D is affine in that
	denoise, err := c.Denoiser(func(x *tensor.Tensor, t float32) (*tensor.Tensor, error) {
		if constant == 0 {
			given["x"] = append(given["x"], x.Data...)
			given["t"] = append(given["t"], t)
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
			sigma, image := near(c, i, n), im.Part(n, n+1).X
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
				given["y"] = append(given["y"], float32(label(c, im.Class[n])))
			}
		}
	}
	for _, d := range net.Program.Inputs {
		if given[d.Name] == nil {
			return nil, fmt.Errorf("quantize: the network takes %q, which calibration does not give", d.Name)
		}
		p.inputs = append(p.inputs, given[d.Name])
	}
	return p, nil
}

// near returns the noise level that image n has at level i of Sigmas, somewhere in that
// level's share of the range: what is looked at at five levels alone may be right there
// and nowhere else.
func near(c model.Config, i, n int) float32 {
	low, high := c.SigmaRange()
	_, share := math.Modf((float64(n) + 0.5) * math.Phi) // evenly spread, however many there are
	sigma := float64(Sigmas(c)[i]) * math.Pow(float64(high)/float64(low), (share-0.5)/(Levels-1))
	return max(low, min(high, float32(sigma)))
}

// label returns the network's number of a class, −1 for none.
func label(c model.Config, class int) int {
	if class < 0 {
		return *c.NullClass
	}
	return class
}

// errors returns the squared error of D at each level, over the square of the range of
// D there, when the network gives f for what was f0.
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

// total returns what is made small: the sum of errors.
func total(e [Levels]float64) float64 {
	sum := 0.0
	for _, v := range e {
		sum += v
	}
	return sum
}
