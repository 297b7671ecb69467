package likelihood

import (
	"math"
	"testing"

	"tweedie/core/autodiff"
	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// network returns the NetworkProduct of a small U-Net with two classes.
func network(t *testing.T, batch int) NetworkProduct {
	t.Helper()
	classes := 2
	net, err := unet.Build(&unet.Config{
		SampleSize: 8, InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 8}, LayersPerBlock: 1,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
		NormNumGroups: 4, NormEps: 1e-5, FlipSinToCos: true, NumClassEmbeds: &classes,
	})
	if err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(net.Program)
	rng.Normal(params.Flat, 1, 2, 3)
	for i := range params.Flat {
		params.Flat[i] /= 5
	}
	tape, err := autodiff.New(net.Program, net.Out, params, batch, kernel.Exact, net.Program.Inputs[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	return OfTape(tape, batch, func(start, end int, cNoise float32) [][]float32 {
		times, classes := make([]float32, end-start), make([]float32, end-start)
		for i := range times {
			times[i], classes[i] = 100*cNoise, float32((start+i)%2)
		}
		return [][]float32{times, classes}
	})
}

// The vector-Jacobian product of a network's denoiser and differences of the denoiser
// make the same estimate of the trace, for every batch, and the same density.
func TestTapeAgainstDifferences(t *testing.T) {
	p := diffusion.EDM{SigmaData: 0.5}
	product := Of(network(t, 2), p)
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d, _, err := product(x, x, sigma)
		return d, err
	}
	x := normals(0.7, 3, 8, 8, 1)
	for _, sigma := range []float32{0.1, 1, 10} {
		e := Rademacher.directions(x.Shape, 0, 4, 0)
		d, along, err := product(x, e, sigma)
		if err != nil {
			t.Fatal(err)
		}
		same, differences, err := Differences(denoise)(x, e, sigma)
		if err != nil {
			t.Fatal(err)
		}
		other, alongToo, err := Of(network(t, 3), p)(x, e, sigma)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Data {
			if d.Data[i] != same.Data[i] || d.Data[i] != other.Data[i] || along.Data[i] != alongToo.Data[i] {
				t.Fatalf("σ=%g: number %d depends on the batch", sigma, i)
			}
		}
		for i := range 3 {
			got, want := dot(e.Row(i), along.Row(i)), dot(e.Row(i), differences.Row(i))
			// Differences are good to about four digits of what is summed.
			if !(math.Abs(got-want) <= 2e-3*(8+math.Abs(want))) {
				t.Errorf("σ=%g, image %d: e·J·e is %g by the tape, %g by differences", sigma, i, got, want)
			}
		}
	}
	s := Settings{SigmaMin: 0.1, SigmaMax: 10, Steps: 6, Seed: 4}
	byTape, byDifferences := densities(t, product, x, s), densities(t, Differences(denoise), x, s)
	for i, d := range byTape {
		if want := byDifferences[i].Log; !(math.Abs(d.Log-want) <= 1e-2*(1+math.Abs(want)/10)) {
			t.Errorf("image %d: ln p is %g by the tape, %g by differences", i, d.Log, want)
		}
	}
}

func TestOfPassesErrors(t *testing.T) {
	x := normals(1, 1, 8, 8, 1)
	if _, _, err := Of(network(t, 1), diffusion.EDM{SigmaData: 0.5})(x, x, -1); err == nil {
		t.Error("a negative noise level: got no error")
	}
	fails := func(x, e *tensor.Tensor, cNoise float32) (*tensor.Tensor, *tensor.Tensor, error) {
		return nil, nil, errStop
	}
	if _, _, err := Of(fails, diffusion.EDM{SigmaData: 0.5})(x, x, 1); err != errStop {
		t.Errorf("got %v, want the network's own error", err)
	}
}
