package infer_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/quant"
	"tweedie/core/unet"
)

func network(t testing.TB) (*unet.Network, *graph.Params) {
	t.Helper()
	classes := 5
	net, err := unet.Build(&unet.Config{
		SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{16, 32}, LayersPerBlock: 2,
		DownBlockTypes: []string{"AttnDownBlock2D", "DownBlock2D"}, UpBlockTypes: []string{"UpBlock2D", "AttnUpBlock2D"},
		NormNumGroups: 4, NormEps: 1e-5, NumClassEmbeds: &classes,
	})
	if err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(net.Program)
	nn.Initialize(params, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range params.Flat { // residual branches start at zero: give them something to do
		params.Flat[i] += float32(rng.NormFloat64()) / 10
	}
	return net, params
}

func inputs(n int) [][]float32 {
	rng := rand.New(rand.NewPCG(2, 2))
	x, t, y := make([]float32, n*64), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		t[i], y[i] = float32(rng.IntN(1000)), float32(rng.IntN(5))
	}
	return [][]float32{x, t, y}
}

func plan(t testing.TB, batch int, mode kernel.Arithmetic) *infer.Plan {
	t.Helper()
	net, params := network(t)
	w, err := infer.Load(net.Program, net.Out, params, batch, infer.Options{Fast: mode == kernel.Fast})
	if err != nil {
		t.Fatal(err)
	}
	return w.NewPlan()
}

// The bits of a sample do not depend on its batch.
func TestBatchIndependence(t *testing.T) {
	const n = 5
	in := inputs(n)
	want := make([]float32, n*64)
	plan(t, n, kernel.Exact).Run(want, n, in...)
	for _, batch := range []int{1, 2, 8} {
		p := plan(t, batch, kernel.Exact)
		got := make([]float32, n*64)
		for at := 0; at < n; at += batch {
			m := min(batch, n-at)
			p.Run(got[at*64:], m, in[0][at*64:(at+m)*64], in[1][at:at+m], in[2][at:at+m])
		}
		if !slices.Equal(got, want) {
			t.Errorf("batch %d: bits differ from a batch of %d", batch, n)
		}
	}
}

// Reused memory never influences a later run.
func TestArenaReuse(t *testing.T) {
	p := plan(t, 3, kernel.Exact)
	in := inputs(3)
	first, second := make([]float32, 3*64), make([]float32, 3*64)
	p.Run(first, 3, in...)
	other := inputs(3)
	for i := range other[0] {
		other[0][i] *= 1e6
	}
	p.Run(second, 3, other...)
	p.Run(second, 3, in...)
	if !slices.Equal(first, second) {
		t.Error("the same inputs gave other bits after another run")
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, mode := range []kernel.Arithmetic{kernel.Exact, kernel.Fast} {
		p := plan(t, 2, mode)
		in := inputs(2)
		y := make([]float32, 2*64)
		if n := testing.AllocsPerRun(10, func() { p.Run(y, 2, in...) }); n != 0 {
			t.Errorf("mode %d: %v allocations an evaluation, want 0", mode, n)
		}
	}
}

// quantizedParams has the matrices of a network as int8 codes.
type quantizedParams struct{ *graph.Params }

func (c quantizedParams) Numbers(name string) quant.Numbers {
	n := c.Params.Numbers(name)
	for _, d := range c.Specs {
		if d.Name != name || len(d.Shape) < 2 {
			continue
		}
		n = quant.Numbers{Codes: make([]int8, len(n.Float)), Scales: make([]float32, d.Shape[0])}
		if err := quant.QuantizeInt8(n.Codes, n.Scales, c.Named(name), quant.MaxCode); err != nil {
			panic(err)
		}
	}
	return n
}

// Compact weights change no bit of the result, and need no allocations.
func TestCompact(t *testing.T) {
	net, params := network(t)
	const n = 3
	in := inputs(n)
	var got [2][]float32
	for i, compact := range []bool{false, true} {
		w, err := infer.Load(net.Program, net.Out, quantizedParams{params}, n, infer.Options{Compact: compact})
		if err != nil {
			t.Fatal(err)
		}
		p := w.NewPlan()
		got[i] = make([]float32, n*64)
		p.Run(got[i], n, in...)
		if allocs := testing.AllocsPerRun(5, func() { p.Run(got[i], n, in...) }); allocs != 0 {
			t.Errorf("compact %t: %v allocations an evaluation, want 0", compact, allocs)
		}
	}
	if !slices.Equal(got[0], got[1]) {
		t.Error("bits differ between codes and float32")
	}
}
