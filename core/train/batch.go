package train

import (
	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// Batch holds some images, and the input, output and loss of a network for them. The
// trainer sets the first group of fields, Loss.Prepare the second, the network's forward
// pass Out, and Loss.Evaluate the rest. Slices may be longer than N images need.
type Batch struct {
	N, Size int       // number of images, and of values in each
	Seed    uint64    // seed of the run
	Draw    []uint64  // [N] number of the draw since the run began: the address of its noise
	Clean   []float32 // [N,Size] x₀
	Class   []float32 // [N] class input of the network; nil if it has none
	Weight  float64   // weight of one image's loss in the gradient

	X          []float32   // [N,Size] input of the network
	CNoise     []float32   // [N] c_noise input of the network
	Sigma      []float32   // [N] noise levels drawn, for Importance.Observe
	Directions [][]float32 // each [N,Size]: tangent inputs of a network of WithTangents

	Out   []float32 // [N,…] output of the network
	Delta []float32 // shape of Out: Weight·∂loss/∂Out
	Loss  []float64 // [N] loss of each image, a mean over its values

	GammaGradients [][]float64 // [N,…] gradient of VDMLoss for γ of each image, without Weight
}

// NewBatch returns a batch of up to n images of size values, for a network with out
// output values an image and the given number of tangent inputs.
func NewBatch(n, size, out, directions int) *Batch {
	b := &Batch{
		Size: size, Draw: make([]uint64, n), Clean: make([]float32, n*size), Weight: 1 / float64(n),
		X: make([]float32, n*size), CNoise: make([]float32, n), Sigma: make([]float32, n), Delta: make([]float32, n*out), Loss: make([]float64, n),
	}
	for range directions {
		b.Directions = append(b.Directions, make([]float32, n*size))
	}
	return b
}

// row returns image i of x [N,size].
func row(x []float32, i, size int) []float32 { return x[i*size : (i+1)*size] }

// Loss is a training loss. It must not be used by two goroutines at once.
type Loss interface {
	// Prepare sets the network's input for the images of b. The error names a noise
	// level that the network does not support.
	Prepare(b *Batch) error
	// Evaluate judges b.Out.
	Evaluate(b *Batch)
}

// Range is the range of noise levels that a network supports.
type Range struct{ Min, Max float32 }

func (r Range) clamp(sigma float32) float32 { return max(r.Min, min(sigma, r.Max)) }

// Regression is the Loss of an Objective: weighted least squares on the network's
// output, see Regress.
type Regression struct {
	Objective       Objective
	Parametrization diffusion.Parametrization
	Levels          Range

	noise, target []float32
	weight        []float32
}

// Prepare implements Loss.
func (l *Regression) Prepare(b *Batch) error {
	l.noise, l.target = resize(l.noise, b.Size), resize(l.target, b.N*b.Size)
	l.weight = resize(l.weight, b.N)
	for i := range b.N {
		rng.Normal(l.noise, b.Seed, b.Draw[i], noiseStream)
		sigma := l.Levels.clamp(l.Objective.Sigma(b.Seed, b.Draw[i], sigmaStream))
		pair, err := Regress(row(b.X, i, b.Size), row(l.target, i, b.Size), row(b.Clean, i, b.Size), l.noise, sigma, l.Parametrization, l.Objective)
		if err != nil {
			return err
		}
		b.CNoise[i], b.Sigma[i], l.weight[i] = pair.CNoise, sigma, pair.Weight
	}
	return nil
}

// Evaluate implements Loss.
func (l *Regression) Evaluate(b *Batch) {
	for i := range b.N {
		b.Loss[i] = leastSquares(row(b.Delta, i, b.Size), row(b.Out, i, b.Size), row(l.target, i, b.Size), float64(l.weight[i]), b.Weight)
	}
}

// leastSquares returns weight times the mean square of y − target, and writes share
// times its derivative with respect to y.
func leastSquares(delta, y, target []float32, weight, share float64) float64 {
	weight /= float64(len(y))
	slope := float32(2 * weight * share)
	square := 0.0
	for j, v := range y {
		d := v - target[j]
		square += float64(d) * float64(d)
		delta[j] = slope * d
	}
	return weight * square
}

// resize returns x, or a new slice if the length of x is not n.
func resize(x []float32, n int) []float32 {
	if len(x) == n {
		return x
	}
	return make([]float32, n)
}
