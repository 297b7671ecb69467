package train

import (
	"fmt"

	"tweedie/core/autodiff"
	"tweedie/core/graph"
	"tweedie/core/rng"
)

// The objectives in this file learn the score of the data without noise. They contain
// the trace of the network's Jacobian, or an estimate of it, which needs Jacobian-vector
// products as outputs of the network: see WithTangents.

// WithTangents builds a network that computes s(x) together with J·v for the given
// number of directions v, which are additional inputs "v0", "v1", …. The output is s
// and the tangents, concatenated along the channels. s must consist of operations that
// autodiff.JVP supports.
func WithTangents(p *graph.Program, directions int, h, w, c int, s func(g graph.Graph, x graph.Value) graph.Value) graph.Value {
	x := p.Input("x", h, w, c)
	var along []graph.Value
	for i := range directions {
		along = append(along, p.Input(fmt.Sprintf("v%d", i), h, w, c))
	}
	d := autodiff.NewJVP(p)
	d.SetTangents(x, along...)
	out := s(d, x)
	all := out
	for _, t := range d.Tangents(out) {
		all = p.Apply(graph.Concat{}, all, t)
	}
	return all
}

// tangents is the layout of the output of a network of WithTangents.
type tangents struct {
	channels, directions int
}

// index returns the index in the output of value j of an image; the tangent along
// direction m, counted from 1, is m·channels further on.
func (t tangents) index(j int) int {
	return j/t.channels*t.channels*(1+t.directions) + j%t.channels
}

// ISM is implicit score matching: Hyvärinen 2005, "Estimation of non-normalized
// statistical models by score matching", eq. 4, with the exact trace,
//
//	L = tr(∂s/∂x) + ½‖s‖²
//
// from one tangent for each of Size directions. The loss is L divided by Size.
type ISM struct{ Channels int }

// Prepare implements Loss.
func (l ISM) Prepare(b *Batch) error {
	copy(b.X, b.Clean[:b.N*b.Size])
	for m, v := range b.Directions {
		clear(v)
		for i := range b.N {
			v[i*b.Size+m] = 1
		}
	}
	return nil
}

// Evaluate implements Loss.
func (l ISM) Evaluate(b *Batch) {
	t := tangents{l.Channels, b.Size}
	share := float32(b.Weight / float64(b.Size))
	for i := range b.N {
		out, delta := row(b.Out, i, b.Size*(1+b.Size)), row(b.Delta, i, b.Size*(1+b.Size))
		clear(delta)
		sum := 0.0
		for j := range b.Size {
			k := t.index(j)
			diagonal := k + (j+1)*l.Channels
			s := float64(out[k])
			sum += float64(out[diagonal]) + s*s/2
			delta[k], delta[diagonal] = share*out[k], share
		}
		b.Loss[i] = sum / float64(b.Size)
	}
}

// SSM is sliced score matching: Song et al. 2019, arXiv:1905.07088, section 3, with M
// random projections v of each image, E[v·vᵀ] = 1,
//
//	L = 1/M·Σ vᵀ·(∂s/∂x)·v + ½(vᵀs)²
//
// With Reduced the second term is ½‖s‖², its expectation (SSM-VR). The loss is L divided
// by Size.
type SSM struct {
	Channels   int
	Rademacher bool // projections are ±1 instead of normal; with Reduced this is exact in one dimension
	Reduced    bool
}

// Prepare implements Loss.
func (l SSM) Prepare(b *Batch) error {
	copy(b.X, b.Clean[:b.N*b.Size])
	for m, v := range b.Directions {
		for i := range b.N {
			dst := row(v, i, b.Size)
			rng.Normal(dst, b.Seed, b.Draw[i], sliceStream+uint32(m))
			for j, z := range dst {
				if l.Rademacher {
					dst[j] = 1
					if z < 0 {
						dst[j] = -1
					}
				}
			}
		}
	}
	return nil
}

// Evaluate implements Loss.
func (l SSM) Evaluate(b *Batch) {
	M := len(b.Directions)
	t := tangents{l.Channels, M}
	share := b.Weight / float64(b.Size)
	for i := range b.N {
		out, delta := row(b.Out, i, b.Size*(1+M)), row(b.Delta, i, b.Size*(1+M))
		clear(delta)
		sum := 0.0
		for m, v := range b.Directions {
			v := row(v, i, b.Size)
			along := 0.0 // vᵀs
			for j, z := range v {
				k := t.index(j)
				sum += float64(z) * float64(out[k+(m+1)*l.Channels]) / float64(M)
				delta[k+(m+1)*l.Channels] = float32(share/float64(M)) * z
				along += float64(z) * float64(out[k])
			}
			if l.Reduced {
				continue
			}
			sum += along * along / 2 / float64(M)
			for j, z := range v {
				delta[t.index(j)] += float32(share*along/float64(M)) * z
			}
		}
		for j := range b.Size {
			if s := out[t.index(j)]; l.Reduced {
				sum += float64(s) * float64(s) / 2
				delta[t.index(j)] = float32(share) * s
			}
		}
		b.Loss[i] = sum / float64(b.Size)
	}
}
