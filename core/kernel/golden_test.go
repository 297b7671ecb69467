package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// uniforms returns n numbers in [−4,4) by integer arithmetic and one exact
// product, so that they are the same on every target.
func uniforms(seed uint32, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		seed = seed*1664525 + 1013904223 // Numerical Recipes' quick generator
		x[i] = (float32(seed>>8) - 1<<23) * 0x1p-21
	}
	return x
}

func bitsHash(xs ...[]float32) string {
	h := sha256.New()
	for _, x := range xs {
		for _, v := range x {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// TestForwardGolden holds the exact kernels to the same bits on every target; the
// values were written by the references on amd64.
func TestForwardGolden(t *testing.T) {
	n := Norm{HW: 49, C: 72, Groups: 6, Eps: 1e-5}
	a := Attn{L: 49, C: 72, Heads: 3}
	x, gamma, beta := uniforms(1, 49*72), uniforms(2, 72), uniforms(3, 72)
	q, k, v := uniforms(4, 49*72), uniforms(5, 49*72), uniforms(6, 49*72)
	y, mean, rstd := make([]float32, 49*72), make([]float32, 6), make([]float32, 6)
	scratch := make([]float32, AttentionScratch(a))
	check := func(name, want string, xs ...[]float32) {
		t.Helper()
		if got := bitsHash(xs...); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for _, im := range siluImpls {
		im.fn(y, x)
		check("SiLU/"+im.name, goldenSiLU, y)
	}
	for _, im := range groupNormImpls {
		n.SiLU = false
		im.fn(y, x, gamma, beta, mean, rstd, n)
		check("GroupNorm/"+im.name, goldenNorm, y, mean, rstd)
		n.SiLU = true
		im.fn(y, x, gamma, beta, mean, rstd, n)
		check("GroupNorm+SiLU/"+im.name, goldenNormSiLU, y)
	}
	for _, im := range attentionImpls {
		im.fn(y, q, k, v, scratch, a, Exact)
		check("Attention/"+im.name, goldenAttention, y)
	}
	for _, im := range eluImpls {
		im.fn(y, x)
		check("ELU/"+im.name, goldenELU, y)
	}
	stats := make([]float32, 3*72)
	InstanceNormPlus(y, x, uniforms(7, 3*72), stats, n)
	check("InstanceNormPlus", goldenNormPlus, y, stats)
	w := Window{H: 7, W: 7, C: 72, Size: 5, Stride: 1, Before: 2, After: 2}
	AveragePool(y, x, scratch, w)
	check("AveragePool", goldenPool, y)
	GroupNormAdjoint(y, x, gamma, beta, v, make([]float32, GroupNormAdjointScratch(n)), n)
	check("GroupNormAdjoint", goldenNormAdjoint, y)
	z := make([]float32, 13*12*72)
	Bilinear(z, x, scratch, Resize{H: 7, W: 7, C: 72, OutH: 13, OutW: 12})
	check("Bilinear", goldenBilinear, z)
	Sinusoid(y[:64], 617, true, 0)
	Sinusoid(y[64:128], 0.37, false, 1)
	check("Sinusoid", goldenSinusoid, y[:128])
}

const (
	goldenSiLU        = "226eb8b0301a78e0"
	goldenNorm        = "b4b0029ce043bb6b"
	goldenNormSiLU    = "b754f006c6fc99e7"
	goldenAttention   = "2ddc243432b214d4"
	goldenELU         = "fa456d326f96c945"
	goldenNormPlus    = "c9ae1e9133da52ba"
	goldenPool        = "631cd902839adf23"
	goldenBilinear    = "78075ebd3de846df"
	goldenNormAdjoint = "7d6d29d9d3436691"
	goldenSinusoid    = "1cbd457a5cfd4d24"
)
