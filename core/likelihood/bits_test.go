package likelihood

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// The bits of densities and bounds are the same on every target. The golden number does
// not show that they are correct; after a change of formula replace it by the printed one.
func TestSameBitsEverywhere(t *testing.T) {
	const want = 0x21e506e616d548b7
	hash := fnv.New64a()
	add := func(v float64) { binary.Write(hash, binary.LittleEndian, math.Float64bits(v)) }
	gaussian := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		s := float64(sigma)
		return x.Scaled(float32(0.09 / (0.09 + float64(s*s)))), nil
	}
	pixels := make([]uint8, 24)
	for i := range pixels {
		pixels[i] = uint8(10 * i)
	}
	x := Dequantize(pixels, 1, 2, 2, 2, 2, 3)
	for _, p := range []Probe{Rademacher, Gaussian, Exact} {
		s := Settings{SigmaMin: 0.01, SigmaMax: 50, Steps: 9, Probe: p, Probes: 3}
		for _, d := range densities(t, Differences(gaussian), x, s) {
			add(BitsPerDim(d.Log, 12))
			add(d.Error)
		}
	}
	x0 := tensor.New(x.Shape...)
	for i, v := range pixels {
		x0.Data[i] = Level(v)
	}
	for _, large := range []bool{false, true} {
		terms, err := Bound(gaussian, mustChain(t, 25), x0, BoundSettings{Large: large})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range terms {
			add(v.Prior)
			add(v.Data)
			for _, s := range v.Steps {
				add(s)
			}
		}
	}
	if got := hash.Sum64(); got != want {
		t.Errorf("got %#x, want %#x", got, uint64(want))
	}
}
