package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"tweedie/core/infer"
	"tweedie/core/modeltest"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// wide is a network of few operations, all large enough to be shared.
const wide = `{"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 16, 16], "classes": ["a", "b"], "null_class": 2, "defaults": {"sampler": "dpmpp2m", "steps": 2, "guidance": 1.5},
	"unet": {"sample_size": 16, "in_channels": 1, "out_channels": 1, "block_out_channels": [64],
		"down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "layers_per_block": 1, "norm_num_groups": 4,
		"norm_eps": 1e-5, "attention_head_dim": 16, "flip_sin_to_cos": true, "freq_shift": 0, "num_class_embeds": 3}}`

func openWide(t *testing.T) *Engine {
	t.Helper()
	return openStarted(t, wide)
}

// openStarted returns an engine of a configuration, with the weights of startedModel.
func openStarted(t *testing.T, config string) *Engine {
	t.Helper()
	manifest, shards := modeltest.Encode(t, "toy", startedModel(t, config, 300), weights.Storage{DType: weights.F32})
	e, err := Open(modeltest.Decode(t, manifest, shards), Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// results asks one engine for all that it can do.
func results(t *testing.T, e *Engine) (sums []string, raw []float32) {
	t.Helper()
	plain := mustSample(t, e, Request{N: new(3), Seed: 4, Guidance: new(1.0)})
	guided := mustSample(t, e, Request{N: new(1), Seed: 5})
	gray := Picture{Height: 16, Width: 16, Channels: 1, Data: make([]uint8, 256)}
	mask := gray
	mask.Data = slices.Repeat([]uint8{0, 255}, 128)
	painted, err := e.Inpaint(context.Background(), Request{Seed: 6}, gray, mask, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 2*256)
	for i := range x {
		x[i] = float32(i%31)/16 - 1
	}
	if raw, err = e.Forward(context.Background(), x, []float32{0.5, -1}, []int{0, 2}); err != nil {
		t.Fatal(err)
	}
	return []string{plain.SHA256(), guided.SHA256(), painted.SHA256()}, raw
}

// TestTeam holds that a team, and an engine with a helper, give what an engine
// gives alone, and that a cancelled call leaves them ready for the next.
func TestTeam(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	alone := openWide(t)
	sums, raw := results(t, alone)
	same := func(t *testing.T, e *Engine) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		_, err := e.Sample(ctx, Request{N: new(2), Steps: new(50)}, func(Frame) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v", err)
		}
		if s, r := results(t, e); !slices.Equal(s, sums) || !slices.Equal(r, raw) {
			t.Errorf("got %v, want %v; forward the same: %t", s, sums, slices.Equal(r, raw))
		}
	}
	t.Run("team", func(t *testing.T) {
		team := infer.Threads(2)
		var members [2]*Engine
		for i := range members {
			var err error
			if members[i], err = alone.Join(team[i]); err != nil {
				t.Fatal(err)
			}
		}
		leader, follower := members[0], members[1]
		for range 2 { // a team is there for more than one call
			var wait sync.WaitGroup
			wait.Go(follower.Follow)
			same(t, leader)
			leader.Dismiss()
			wait.Wait()
		}
	})
	t.Run("helper", func(t *testing.T) {
		other := openWide(t)
		pairs := 0
		helped := alone.Helped(func(x *tensor.Tensor, times []float32, y []int) func() (*tensor.Tensor, error) {
			pairs++
			return func() (*tensor.Tensor, error) { return other.network.Forward(x, times, y) }
		})
		same(t, helped)
		if pairs == 0 {
			t.Error("the helper was not asked")
		}
		broken := errors.New("gone")
		helped = alone.Helped(func(*tensor.Tensor, []float32, []int) func() (*tensor.Tensor, error) {
			return func() (*tensor.Tensor, error) { return nil, broken }
		})
		if _, err := helped.Sample(context.Background(), Request{}, nil); !errors.Is(err, broken) {
			t.Errorf("a helper that fails: got %v, want its error", err)
		}
	})
}
