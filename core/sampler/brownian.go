package sampler

import (
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Brownian is one path of the Wiener process W(v) for every number of a batch,
// to be looked at anywhere and in any order: a virtual Brownian tree (Li et al.
// 2020, arXiv:2001.01328, section 4), whose nodes are addressed by Philox. Noise
// that is taken from it belongs to a noise level and not to a step, so the number
// of steps can change and the path stays.
//
// Time is v = σ². The tree halves the interval of log₂ σ from −32 to 32, and puts
// W at the middle from W at the ends and fresh noise (Lévy's construction, here
// with ends v₀, v₁ of which v need not be the mean):
//
//	W(v) = ((v₁−v)·W(v₀) + (v−v₀)·W(v₁))/(v₁−v₀) + √((v₁−v)·(v−v₀)/(v₁−v₀))·z
//
// After 24 halvings W is taken to be straight, over 4e-6 of an octave. It is not
// for use by two goroutines at once.
type Brownian struct {
	noise Noise
	open  []*interval // from the whole tree down to the last leaf looked at
}

const (
	octaves   = 32 // log₂ σ lies in [−octaves, octaves]
	treeDepth = 24 // halvings
)

// interval is a node of the tree: from low to high in log₂ σ, W at both ends.
type interval struct {
	node      uint32 // 1 is the root, 2k and 2k+1 the halves of k
	low, high float64
	at, end   *tensor.Tensor
}

// NewBrownian returns the path of noise's seed and samples. It draws node k from
// stream StreamPath + (k·2654435769 mod 2³⁰): spread, so that the same path for
// noise.After(n) is another one.
func NewBrownian(noise Noise) *Brownian {
	return &Brownian{noise: noise}
}

func (b *Brownian) draw(node uint32) *tensor.Tensor {
	return b.noise(StreamPath + node*0x9E3779B9&(1<<30-1))
}

// At returns W(σ²), of variance σ². It panics unless 2⁻³² ≤ sigma ≤ 2³².
func (b *Brownian) At(sigma float64) *tensor.Tensor {
	u := num.Log(sigma) / math.Ln2
	if !(u >= -octaves && u <= octaves) {
		panic("sampler: Brownian path outside [2⁻³², 2³²]")
	}
	if b.open == nil {
		end := b.draw(0).Scaled(1 << octaves) // W(v) for v = 2⁶⁴
		b.open = []*interval{{1, -octaves, octaves, end.Scaled(0), end}}
	}
	last := len(b.open) - 1
	for ; u < b.open[last].low || u > b.open[last].high; last-- {
	}
	b.open = b.open[:last+1]
	for n := b.open[last]; len(b.open) <= treeDepth; {
		middle := (n.low + n.high) / 2
		mean, sd := bridge(n, middle)
		w := mean.AddScaled(float32(sd), b.draw(n.node))
		if u < middle {
			n = &interval{2 * n.node, n.low, middle, n.at, w}
		} else {
			n = &interval{2*n.node + 1, middle, n.high, w, n.end}
		}
		b.open = append(b.open, n)
	}
	w, _ := bridge(b.open[treeDepth], u)
	return w
}

// bridge returns mean and standard deviation of W at u, given its ends.
func bridge(n *interval, u float64) (mean *tensor.Tensor, sd float64) {
	const twice = 2 * math.Ln2
	low, v := num.Exp(twice*(n.low-n.high)), num.Exp(twice*(u-n.high)) // v₀/v₁ and v/v₁
	part := (v - low) / (1 - low)
	return n.at.Combine(float32(1-part), float32(part), n.end), num.Exp(n.high*math.Ln2) * math.Sqrt((1-v)*part)
}

// Between returns (W(to²) − W(from²))/√|to² − from²|: standard normal noise,
// independent over intervals that do not overlap.
func (b *Brownian) Between(from, to float64) *tensor.Tensor {
	before := b.At(from) // first: it is most often where the last look was
	a := float32(1 / math.Sqrt(math.Abs(to-from)*(to+from)))
	return b.At(to).Combine(a, -a, before)
}

// alongSteps returns the noise of the steps of a run. A solver of the reverse SDE
// that is exact but for D adds σ′²·(W(1/σ′²) − W(1/σ²)) in the step from σ to σ′:
// so the path is looked at in 1/σ. With data of one point the steps add up
// exactly, and x at a level does not depend on the levels above. With halves, that of the
// way to √(σ·σ′) is the step's further noise, and that of the rest its own.
func (b *Brownian) alongSteps(sigmas []float32, halves bool) Noise {
	return func(stream uint32) *tensor.Tensor {
		stream -= StreamStep
		i := stream % StreamInner
		from, to := 1/float64(sigmas[i]), 1/float64(sigmas[i+1])
		if middle := math.Sqrt(from * to); stream != i {
			to = middle
		} else if halves {
			from = middle
		}
		return b.Between(from, to)
	}
}

// checkPath returns an error unless sigmas passes Check, and every level above 0
// and its inverse lie where a path can be looked at.
func checkPath(sigmas []float32) error {
	if err := Check(sigmas); err != nil {
		return err
	}
	const most = 1 << octaves
	for i, sigma := range sigmas {
		if sigma != 0 && !(sigma >= 1./most && sigma <= most) {
			return fmt.Errorf("sampler: %w: sigmas[%d] = %g with noise of a Brownian path, need 2^-32 to 2^32", ErrSchedule, i, sigma)
		}
	}
	return nil
}
