package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Brownian is one path of the Wiener process W(v) for every number of a batch.
// It can be evaluated anywhere and in any order: it is a virtual Brownian tree
// (Li et al. 2020, arXiv:2001.01328, section 4), whose nodes are addressed by
// Philox. Its noise belongs to noise levels and not to steps, so the path does
// not depend on the number of steps.
//
// Time is v = σ². The tree bisects the interval of log₂ σ from −32 to 32, and
// computes W at the midpoint from W at both ends and fresh noise (Lévy's
// construction, where v need not be the mean of the ends v₀ and v₁):
//
//	W(v) = ((v₁−v)·W(v₀) + (v−v₀)·W(v₁))/(v₁−v₀) + √((v₁−v)·(v−v₀)/(v₁−v₀))·z
//
// After 24 bisections, over 4e-6 of an octave, W is interpolated linearly. A
// Brownian must not be used by two goroutines at once.
type Brownian struct {
	noise Noise
	path  []*interval // from the root down to the last leaf that was evaluated
}

const (
	octaves   = 32 // log₂ σ lies in [−octaves, octaves]
	treeDepth = 24 // bisections
)

// interval is a node of the tree: it spans low to high in log₂ σ.
type interval struct {
	node          uint32 // 1 is the root, 2k and 2k+1 are the halves of k
	low, high     float64
	atLow, atHigh *tensor.Tensor // W at both ends
}

// NewBrownian returns the path that belongs to the seed and samples of noise. It
// draws node k from stream StreamPath + (k·2654435769 mod 2³⁰). The hash scatters
// the streams, so that noise.After(n) gives a different path.
func NewBrownian(noise Noise) *Brownian {
	return &Brownian{noise: noise}
}

func (b *Brownian) nodeNoise(node uint32) *tensor.Tensor {
	return b.noise(StreamPath + node*0x9E3779B9&(1<<30-1))
}

// At returns W(σ²), whose variance is σ². It panics unless 2⁻³² ≤ sigma ≤ 2³².
func (b *Brownian) At(sigma float64) *tensor.Tensor {
	u := num.Log(sigma) / math.Ln2
	if !(u >= -octaves && u <= octaves) {
		panic("sampler: Brownian: sigma must lie in [2⁻³², 2³²]")
	}
	if b.path == nil {
		end := b.nodeNoise(0).Scaled(1 << octaves) // W(v) for v = 2⁶⁴
		b.path = []*interval{{1, -octaves, octaves, end.Scaled(0), end}}
	}
	last := len(b.path) - 1
	for ; u < b.path[last].low || u > b.path[last].high; last-- {
	}
	b.path = b.path[:last+1]
	for n := b.path[last]; len(b.path) <= treeDepth; {
		middle := (n.low + n.high) / 2
		mean, sd := bridge(n, middle)
		w := mean.AddScaled(float32(sd), b.nodeNoise(n.node))
		if u < middle {
			n = &interval{2 * n.node, n.low, middle, n.atLow, w}
		} else {
			n = &interval{2*n.node + 1, middle, n.high, w, n.atHigh}
		}
		b.path = append(b.path, n)
	}
	w, _ := bridge(b.path[treeDepth], u)
	return w
}

// bridge returns the mean and the standard deviation of W at u, given W at both
// ends of n.
func bridge(n *interval, u float64) (mean *tensor.Tensor, sd float64) {
	const twice = 2 * math.Ln2
	low, v := num.Exp(twice*(n.low-n.high)), num.Exp(twice*(u-n.high)) // v₀/v₁ and v/v₁
	part := (v - low) / (1 - low)
	return n.atLow.Combine(float32(1-part), float32(part), n.atHigh), num.Exp(n.high*math.Ln2) * math.Sqrt((1-v)*part)
}

// Between returns (W(to²) − W(from²))/√|to² − from²|: standard normal noise,
// independent over intervals that do not overlap.
func (b *Brownian) Between(from, to float64) *tensor.Tensor {
	before := b.At(from) // first: the last evaluation was usually there
	a := float32(1 / math.Sqrt(math.Abs(to-from)*(to+from)))
	return b.At(to).Combine(a, -a, before)
}

// stepNoise returns the noise of the steps along sigmas. A reverse-SDE solver
// that is exact for constant D adds σ′²·(W(1/σ′²) − W(1/σ²)) in the step from σ
// to σ′, so the path is evaluated at 1/σ. If the data are a single point, the
// noise of several steps adds up exactly, and x at a level does not depend on
// the levels above. With halfSteps, the part of the step down to √(σ·σ′) is in
// the stream StreamInner further on, and the rest is in the step's own stream.
func (b *Brownian) stepNoise(sigmas []float32, halfSteps bool) Noise {
	return func(stream uint32) *tensor.Tensor {
		stream -= StreamStep
		i := stream % StreamInner
		from, to := 1/float64(sigmas[i]), 1/float64(sigmas[i+1])
		if middle := math.Sqrt(from * to); stream != i {
			to = middle
		} else if halfSteps {
			from = middle
		}
		return b.Between(from, to)
	}
}

// checkPath returns an error unless sigmas passes Check, and every level above 0
// and its inverse lie in the range of a Brownian path.
func checkPath(sigmas []float32) error {
	if err := Check(sigmas); err != nil {
		return err
	}
	const highest = 1 << octaves
	for i, sigma := range sigmas {
		if sigma != 0 && !(sigma >= 1./highest && sigma <= highest) {
			return fmt.Errorf("sampler: %w: with Brownian noise levels above 0 must be between 2^-32 and 2^32 (got sigmas[%d] = %g)", ErrSchedule, i, sigma)
		}
	}
	return nil
}
