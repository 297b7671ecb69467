package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/quant"
)

// product is one case of MatMul, with memory around x that poisons a sum.
type product struct {
	x, w, bias, add []float32
	g               *Gather
	n               int
}

func newProduct(m, taps, c, n int) *product {
	rng := rand.New(rand.NewPCG(uint64(m*31+taps), uint64(c*37+n)))
	p := &product{g: &Gather{C: c}, n: n}
	const margin = 5
	stride := c + 3
	for t := range taps {
		p.g.Taps = append(p.g.Taps, int32(t*2*stride))
	}
	for i := range m {
		p.g.Rows = append(p.g.Rows, int32(margin+i*stride))
	}
	p.x = make([]float32, margin+(m+2*taps)*stride)
	for i := range p.x {
		p.x[i] = float32(math.NaN())
	}
	for _, r := range p.g.Rows {
		for _, t := range p.g.Taps {
			for i := range c {
				p.x[int(r+t)+i] = float32(rng.NormFloat64())
			}
		}
	}
	p.w, p.bias, p.add = normals(rng, taps*c*n), normals(rng, n), normals(rng, m*n)
	return p
}

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// exact returns entry (i,j) in float64 and the bound of MatMul's comment.
func (p *product) exact(i, j int) (sum, bound float64) {
	var abs float64
	k := 0
	for _, t := range p.g.Taps {
		for c := range p.g.C {
			v := float64(p.x[int(p.g.Rows[i]+t)+c]) * float64(p.w[k*p.n+j])
			sum, abs = sum+v, abs+math.Abs(v)
			k++
		}
	}
	sum += float64(p.bias[j]) + float64(p.add[i*p.n+j])
	abs += math.Abs(float64(p.bias[j])) + math.Abs(float64(p.add[i*p.n+j]))
	nu := float64(k+2) * 0x1p-24
	return sum, nu / (1 - nu) * abs
}

// run computes the product with one set of tiles, packing for it.
func (p *product) run(set tileSet, fast bool) []float32 {
	saved := tiles
	tiles = set
	defer func() { tiles = saved }()
	b := NewPacked(p.g.K(), p.n)
	b.Pack(quant.Numbers{Float: p.w}, len(p.g.Taps), p.g.C, Strides{Tap: p.g.C * p.n, Channel: p.n, Column: 1})
	y := make([]float32, len(p.g.Rows)*p.n)
	mode := Exact
	if fast {
		mode = Fast
	}
	MatMul(y, p.x, p.g, b, p.bias, p.add, nil, mode)
	return y
}

var productSizes = [][4]int{ // m, taps, c, n: every tail of a tile
	{1, 1, 1, 1}, {2, 1, 3, 5}, {3, 9, 4, 15}, {4, 9, 5, 16}, {5, 1, 7, 17}, {7, 4, 8, 31}, {8, 9, 16, 32},
	{9, 1, 9, 33}, {12, 9, 3, 47}, {13, 9, 12, 48}, {6, 1, 33, 49}, {5, 2, 6, 64}, {4, 1, 2, 96}, {3, 1, 5, 113}, {50, 9, 7, 130},
}

func TestMatMul(t *testing.T) {
	for _, s := range productSizes {
		p := newProduct(s[0], s[1], s[2], s[3])
		want := p.run(refTiles, false)
		for i := range s[0] {
			for j := range s[3] {
				exact, bound := p.exact(i, j)
				if diff := math.Abs(float64(want[i*s[3]+j]) - exact); !(diff <= bound) {
					t.Fatalf("%v ref [%d,%d]: got %g, want %g: off by %.3g, bound %.3g", s, i, j, want[i*s[3]+j], exact, diff, bound)
				}
			}
		}
		for _, set := range tileSets {
			if got := p.run(set, false); !slices.Equal(got, want) {
				t.Errorf("%v %s exact: bits differ from the reference", s, set.name)
			}
			got := p.run(set, true)
			for i := range got {
				exact, bound := p.exact(i/s[3], i%s[3])
				if diff := math.Abs(float64(got[i]) - exact); !(diff <= bound) {
					t.Fatalf("%v %s fast [%d]: got %g, want %g: off by %.3g, bound %.3g", s, set.name, i, got[i], exact, diff, bound)
				}
			}
		}
	}
}

func TestMatMulGrad(t *testing.T) {
	for _, s := range productSizes {
		m, n := s[0], s[3]
		p := newProduct(m, s[1], s[2], n)
		dy := normals(rand.New(rand.NewPCG(1, 2)), m*n)
		k := p.g.K()
		for _, set := range tileSets {
			dw := make([]float32, k*n)
			for i := range dw {
				dw[i] = 1
			}
			matMulGrad(dw, p.x, dy, p.g, n, &set)
			for r := range k {
				for j := range n {
					want, abs := 1.0, 1.0
					for i := range m {
						v := float64(p.x[int(p.g.Rows[i]+p.g.Taps[r/p.g.C])+r%p.g.C]) * float64(dy[i*n+j])
						want, abs = want+v, abs+math.Abs(v)
					}
					nu := float64(m+1) * 0x1p-24
					got := float64(dw[r*n+j])
					if diff := math.Abs(got - want); !(diff <= nu/(1-nu)*abs) {
						t.Fatalf("%v %s [%d,%d]: got %g, want %g: off by %.3g, bound %.3g", s, set.name, r, j, got, want, diff, nu/(1-nu)*abs)
					}
				}
			}
		}
	}
}

func BenchmarkMatMul(b *testing.B) {
	for _, s := range [][4]int{{196, 9, 48, 48}, {49, 9, 96, 96}, {196, 9, 64, 64}, {49, 1, 96, 288}, {784, 9, 32, 32}, {256, 9, 256, 256}} {
		for _, set := range tileSets {
			for _, mode := range []Arithmetic{Exact, Fast} {
				b.Run(fmt.Sprintf("m=%d/k=%d/n=%d/impl=%s/mode=%d", s[0], s[1]*s[2], s[3], set.name, mode), func(b *testing.B) {
					p := newProduct(s[0], s[1], s[2], s[3])
					saved := tiles
					tiles = set
					defer func() { tiles = saved }()
					w := NewPacked(p.g.K(), p.n)
					w.Pack(quant.Numbers{Float: p.w}, len(p.g.Taps), p.g.C, Strides{Tap: p.g.C * p.n, Channel: p.n, Column: 1})
					y := make([]float32, s[0]*s[3])
					for b.Loop() {
						MatMul(y, p.x, p.g, w, p.bias, nil, nil, mode)
					}
					b.ReportMetric(2*float64(s[0]*s[1]*s[2]*s[3])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}

func BenchmarkMatMulGrad(b *testing.B) {
	for _, s := range [][4]int{{196, 9, 48, 48}, {49, 9, 96, 96}, {196, 9, 64, 64}, {196, 9, 48, 4}} {
		for _, set := range tileSets {
			b.Run(fmt.Sprintf("m=%d/k=%d/n=%d/impl=%s", s[0], s[1]*s[2], s[3], set.name), func(b *testing.B) {
				p := newProduct(s[0], s[1], s[2], s[3])
				dw := make([]float32, p.g.K()*p.n)
				for b.Loop() {
					matMulGrad(dw, p.x, p.add, p.g, p.n, &set)
				}
				b.ReportMetric(2*float64(s[0]*s[1]*s[2]*s[3])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
