package infer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// randomNetwork returns a random U-Net whose widths are sometimes multiples of channelUnit
// and sometimes not.
func randomNetwork(t testing.TB, rng *rand.Rand) (*unet.Config, *unet.Network, *graph.Params) {
	t.Helper()
	pick := func(of ...int) int { return of[rng.IntN(len(of))] }
	kind := func(what string) string { return []string{"", "Attn"}[rng.IntN(2)] + what + "Block2D" }
	c := &unet.Config{
		SampleSize: unet.Square(pick(8, 16)), InChannels: pick(1, 3), LayersPerBlock: pick(1, 2),
		NormNumGroups: pick(4, 8), NormEps: 1e-5, DownsamplePadding: pick(0, 1), Patch: pick(1, 2),
	}
	c.OutChannels = c.InChannels
	for range pick(1, 2, 3) {
		c.BlockOutChannels = append(c.BlockOutChannels, pick(24, 32, 48, 64, 80))
		c.DownBlockTypes = append(c.DownBlockTypes, kind("Down"))
		c.UpBlockTypes = append(c.UpBlockTypes, kind("Up"))
	}
	if rng.IntN(2) == 0 {
		c.AttentionHeadDim = new(8)
	}
	if rng.IntN(2) == 0 {
		c.NumClassEmbeds = new(5)
	}
	net, err := unet.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(net.Program)
	nn.Initialize(params, rng.Uint64())
	for i := range params.Flat {
		params.Flat[i] += float32(rng.NormFloat64()) / 30
	}
	return c, net, params
}

// samples returns n random inputs of a network.
func samples(rng *rand.Rand, c *unet.Config, n int) [][]float32 {
	x, t, y := make([]float32, n*c.SampleSize.H*c.SampleSize.W*c.InChannels), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		t[i], y[i] = float32(rng.IntN(1000)), float32(rng.IntN(5))
	}
	if c.NumClassEmbeds == nil {
		return [][]float32{x, t}
	}
	return [][]float32{x, t, y}
}

// runGroup calls lead with the leader's plan while the other members follow.
func runGroup(t testing.TB, size int, load func(infer.TensorParallel) (*infer.Weights, error), lead func(*infer.Plan)) {
	t.Helper()
	var plans []*infer.Plan
	for _, member := range infer.Threads(size) {
		w, err := load(member)
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, w.NewPlan())
	}
	var wait sync.WaitGroup
	for _, p := range plans[1:] {
		wait.Go(p.Follow)
	}
	lead(plans[0])
	plans[0].Dismiss()
	wait.Wait()
}

// The bits of a network do not depend on the size of the group, or on what it divides.
func TestTensorParallelSameBits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	restore := infer.ShardAll()
	defer restore()
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(3, seed))
		c, net, params := randomNetwork(t, rng)
		in := samples(rng, c, 3)
		one := make([][]float32, len(in)) // its first sample
		for i := range in {
			one[i] = in[i][:len(in[i])/3]
		}
		for name, o := range map[string]infer.Options{"exact": {}, "fast": {Fast: true}, "compact": {Compact: true}} {
			w, err := infer.Load(net.Program, net.Out, quantizedParams{params}, 3, o)
			if err != nil {
				t.Fatal(err)
			}
			want, wantOne := make([]float32, len(in[0])), make([]float32, len(in[0])/3)
			w.NewPlan().Run(want, 3, in...)
			w.NewPlan().Run(wantOne, 1, one...)
			for size := 1; size <= 4; size++ {
				t.Run(fmt.Sprintf("seed=%d/%s/size=%d", seed, name, size), func(t *testing.T) {
					load := func(member infer.TensorParallel) (*infer.Weights, error) {
						o.TensorParallel = member
						return infer.Load(net.Program, net.Out, quantizedParams{params}, 3, o)
					}
					runGroup(t, size, load, func(p *infer.Plan) {
						got := make([]float32, len(want))
						p.Run(got[:len(wantOne)], 1, one...)
						if !slices.Equal(got[:len(wantOne)], wantOne) {
							t.Errorf("%+v: one sample: other bits than alone", *c)
						}
						if p.Run(got, 3, in...); !slices.Equal(got, want) {
							t.Errorf("%+v: three samples: other bits than alone", *c)
						}
					})
				})
			}
		}
	}
}

// The same for the operations that only NCSN uses.
func TestTensorParallelNCSN(t *testing.T) {
	restore := infer.ShardAll()
	defer restore()
	net, err := unet.BuildNCSN(&unet.NCSN{ImageSize: unet.Square(8), Channels: 1, NGF: 32, NumClasses: 3})
	if err != nil {
		t.Fatal(err)
	}
	params := graph.NewParams(net.Program)
	nn.Initialize(params, 1)
	rng := rand.New(rand.NewPCG(5, 5))
	x, level := make([]float32, 2*64), []float32{0, 2}
	for i := range x {
		x[i] = rng.Float32()
	}
	load := func(member infer.TensorParallel) (*infer.Weights, error) {
		return infer.Load(net.Program, net.Out, params, 2, infer.Options{TensorParallel: member})
	}
	alone, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(x))
	p := alone.NewPlan()
	p.Run(want, 2, x, level)
	if n := testing.AllocsPerRun(5, func() { p.Run(want, 2, x, level) }); n != 0 {
		t.Errorf("%v allocations an evaluation, want 0", n)
	}
	for size := 2; size <= 3; size++ {
		runGroup(t, size, load, func(p *infer.Plan) {
			got := make([]float32, len(want))
			if p.Run(got, 2, x, level); !slices.Equal(got, want) {
				t.Errorf("team of %d: other bits than alone", size)
			}
		})
	}
}

// exchangeCounter is a member of a group with the cost of workers; it counts the exchanges
// and the numbers exchanged.
type exchangeCounter struct {
	infer.TensorParallel
	calls, most *int
}

func (c exchangeCounter) AllGather(all, own []float32, rows int, starts []int) {
	*c.calls++
	*c.most = max(*c.most, rows*starts[len(starts)-1])
	c.TensorParallel.AllGather(all, own, rows, starts)
}

// A group divides a large network and not a small one, and no exchange is larger than
// ExchangeSize.
func TestTensorParallelExchanges(t *testing.T) {
	for _, c := range []struct {
		name     string
		channels int
		min, max int // exchanges of an evaluation
	}{{"small", 16, 1, 1}, {"large", 128, 10, 30}} {
		t.Run(c.name, func(t *testing.T) {
			config := &unet.Config{
				SampleSize: unet.Square(16), InChannels: 3, OutChannels: 3, BlockOutChannels: []int{c.channels, c.channels}, LayersPerBlock: 1,
				DownBlockTypes: []string{"DownBlock2D", "DownBlock2D"}, UpBlockTypes: []string{"UpBlock2D", "UpBlock2D"},
				NormNumGroups: 8, NormEps: 1e-5,
			}
			net, err := unet.Build(config)
			if err != nil {
				t.Fatal(err)
			}
			params := graph.NewParams(net.Program)
			nn.Initialize(params, 1)
			calls, most := 0, 0
			load := func(member infer.TensorParallel) (*infer.Weights, error) {
				worker := exchangeCounter{member, new(int), new(int)}
				if member.Rank() == 0 {
					worker.calls, worker.most = &calls, &most
				}
				return infer.Load(net.Program, net.Out, params, 2, infer.Options{TensorParallel: worker})
			}
			in := samples(rand.New(rand.NewPCG(4, 4)), config, 2)
			y := make([]float32, len(in[0]))
			runGroup(t, 2, load, func(p *infer.Plan) {
				p.Run(y, 2, in...)
				if calls < c.min || calls > c.max {
					t.Errorf("%d exchanges, want %d to %d", calls, c.min, c.max)
				}
				if n := testing.AllocsPerRun(10, func() { p.Run(y, 2, in...) }); n != 0 {
					t.Errorf("%v allocations an evaluation, want 0", n)
				}
			})
			announced := infer.ExchangeSize(net.Program, 2)
			if shared := c.max > 1; shared && most > announced || !shared && announced != 0 {
				t.Errorf("%d numbers exchanged at once, %d announced", most, announced)
			}
		})
	}
}
