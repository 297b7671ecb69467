package train

import (
	"tweedie/core/diffusion"
	"tweedie/core/rng"
)

// Batch is some images on their way through a network. Who trains fills in the first
// part, Loss.Prepare the second, the network Out, and Loss.Grade the rest. Arrays may
// be longer than N images need.
type Batch struct {
	N, Size int       // images, and the numbers of each
	Seed    uint64    // of the run
	Draw    []uint64  // [N] which draw of the run an image is: the address of its noise
	Clean   []float32 // [N,Size] x₀
	Class   []float32 // [N] what the network is told beside, nil for one that is not
	Share   float64   // what the loss of one image counts in the gradient

	X          []float32   // [N,Size] what the network is given
	CNoise     []float32   // [N] beside it
	Sigma      []float32   // [N] the noise levels drawn, for Importance.Observe
	Directions [][]float32 // each [N,Size]: what a network with tangents is given besides

	Out   []float32 // [N,…] what the network answered
	Delta []float32 // of Out's shape: Share·∂loss/∂Out
	Loss  []float64 // [N] of each image, a mean over its numbers

	Beside [][]float64 // [N,…] of each image, what Share is not in yet: the gradient of what VDMLoss teaches beside the network
}

// NewBatch returns a batch of up to n images of size numbers, for a network that
// answers out numbers an image and is given directions besides.
func NewBatch(n, size, out, directions int) *Batch {
	b := &Batch{
		Size: size, Draw: make([]uint64, n), Clean: make([]float32, n*size), Share: 1 / float64(n),
		X: make([]float32, n*size), CNoise: make([]float32, n), Sigma: make([]float32, n), Delta: make([]float32, n*out), Loss: make([]float64, n),
	}
	for range directions {
		b.Directions = append(b.Directions, make([]float32, n*size))
	}
	return b
}

// row returns image i of x [N,…] with size numbers each.
func row(x []float32, i, size int) []float32 { return x[i*size : (i+1)*size] }

// Loss is what a network is trained to make small. It belongs to one goroutine.
type Loss interface {
	// Prepare decides what the network is given for the images of b. The error
	// names a noise level that the network was not made for.
	Prepare(b *Batch) error
	// Grade judges b.Out.
	Grade(b *Batch)
}

// Range holds noise levels to those that a network is made for.
type Range struct{ Min, Max float32 }

func (r Range) hold(sigma float32) float32 { return max(r.Min, min(sigma, r.Max)) }

// Regression is the Loss of an Objective: weighted least squares on what the network
// says, see Regress.
type Regression struct {
	Of       Objective
	Predicts diffusion.Parametrisation
	Levels   Range

	noise, target []float32
	weight        []float32
}

// Prepare implements Loss.
func (l *Regression) Prepare(b *Batch) error {
	l.noise, l.target = grown(l.noise, b.Size), grown(l.target, b.N*b.Size)
	l.weight = grown(l.weight, b.N)
	for i := range b.N {
		rng.Normal(l.noise, b.Seed, b.Draw[i], noiseStream)
		sigma := l.Levels.hold(l.Of.Sigma(b.Seed, b.Draw[i], sigmaStream))
		pair, err := Regress(row(b.X, i, b.Size), row(l.target, i, b.Size), row(b.Clean, i, b.Size), l.noise, sigma, l.Predicts, l.Of)
		if err != nil {
			return err
		}
		b.CNoise[i], b.Sigma[i], l.weight[i] = pair.CNoise, sigma, pair.Weight
	}
	return nil
}

// Grade implements Loss.
func (l *Regression) Grade(b *Batch) {
	for i := range b.N {
		b.Loss[i] = leastSquares(row(b.Delta, i, b.Size), row(b.Out, i, b.Size), row(l.target, i, b.Size), float64(l.weight[i]), b.Share)
	}
}

// leastSquares returns weight times the mean square of y − target, and writes share
// times its derivative by y.
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

// grown returns x, or new numbers if it is not n long.
func grown(x []float32, n int) []float32 {
	if len(x) == n {
		return x
	}
	return make([]float32, n)
}
