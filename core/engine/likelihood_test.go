package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/likelihood"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

func checkers() Picture {
	p := Picture{Height: 8, Width: 8, Channels: 1, Data: make([]uint8, 64)}
	for i := range p.Data {
		p.Data[i] = uint8(i * 37)
	}
	return p
}

// flowing is a small U-Net of all noise levels with attention and classes.
const flowing = `{"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.05, "sigma_max": 20,
	"shape": [1, 8, 8], "classes": ["0", "1"], "null_class": 2, "defaults": {"sampler": "dpmpp2m", "steps": 4, "guidance": 1},
	"unet": {"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 16], "layers_per_block": 1,
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
		"norm_num_groups": 4, "norm_eps": 1e-5, "attention_head_dim": 8, "flip_sin_to_cos": true, "num_class_embeds": 3}}`

// A product by the network's own derivative makes the denoiser's numbers to the bit, does
// not depend on the batch, and estimates the trace that differences do.
func TestJVPAgainstDifferences(t *testing.T) {
	for name, config := range map[string]string{"unet": flowing, "ncsn": ncsn} {
		e := openStarted(t, config)
		product := func(batch int) likelihood.Product {
			f, err := NewDenoiserJVP(e.model, batch, infer.Options{})
			if err != nil || f.Evaluations() != 1 {
				t.Fatalf("%v: need a network with a derivative", err)
			}
			return f.Product([]int{0, -1, 0})
		}
		denoise := e.network.Guided([]int{0, -1, 0}, diffusion.Guidance{Scale: 1})
		x, direction := tensor.New(3, 8, 8, 1), tensor.New(3, 8, 8, 1)
		for i := range 3 {
			rng.Normal(x.Row(i), 3, uint64(i), 0)
			rng.Normal(direction.Row(i), 4, uint64(i), 0)
		}
		for _, sigma := range []float32{2 * 0.0464158883, 2} { // levels of both
			d, along, err := product(2)(x, direction, sigma)
			if err != nil {
				t.Fatal(err)
			}
			_, alone, err := product(3)(x, direction, sigma)
			if err != nil {
				t.Fatal(err)
			}
			want, err := denoise(x, sigma)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.Data, want.Data) || !slices.Equal(along.Data, alone.Data) {
				t.Fatalf("%s, σ=%g: D or the product depends on the batch or on the derivative beside it", name, sigma)
			}
			_, differences, err := likelihood.Differences(denoise)(x, direction, sigma)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				got, want := dot(direction.Row(i), along.Row(i)), dot(direction.Row(i), differences.Row(i))
				// Differences are good to some three digits of what is summed, where ELU has its kinks.
				if !(math.Abs(got-want) <= 5e-3*(8+math.Abs(want))) {
					t.Errorf("%s, σ=%g, image %d: e·J·e is %g, %g by differences", name, sigma, i, got, want)
				}
			}
		}
	}
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

func mustLikelihood(t *testing.T, e *Engine, question string) LikelihoodResult {
	t.Helper()
	d, err := ParseLikelihood([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	got, err := e.Likelihood(t.Context(), d, checkers(), func(i, _ int) { done = i })
	if err != nil {
		t.Fatal(err)
	}
	if done != got.Evaluations {
		t.Errorf("%s: told of %d evaluations, took %d", question, done, got.Evaluations)
	}
	return got
}

// A question in parts has the answers of the whole, probe by probe and term by term.
func TestLikelihoodInParts(t *testing.T) {
	e := openStarted(t, flowing)
	whole := mustLikelihood(t, e, `{"seed": 7, "steps": 3, "count": 3, "noise": "gaussian", "class": "1"}`)
	part := mustLikelihood(t, e, `{"seed": 7, "steps": 3, "first": 1, "count": 2, "noise": "gaussian", "class": 1}`)
	if whole.Evaluations != 36 || len(whole.Bits) != 3 || !slices.Equal(whole.Bits[1:], part.Bits) || whole.Bits[0] == part.Bits[0] {
		t.Errorf("whole %+v, its second part %+v", whole, part)
	}
	if other := mustLikelihood(t, e, `{"seed": 7, "steps": 3}`); other.Bits[0] == whole.Bits[0] {
		t.Error("neither the class nor the noise counts")
	}
	all := mustLikelihood(t, e, `{"seed": 7, "steps": 10, "bound": true}`)
	rest := mustLikelihood(t, e, `{"seed": 7, "steps": 10, "bound": true, "first": 4}`)
	if len(all.Bits) != 10 || !slices.Equal(all.Bits[4:], rest.Bits) || !slices.Equal(all.Sigmas[4:], rest.Sigmas) || all.Prior != rest.Prior || rest.Evaluations != 6 {
		t.Errorf("all terms %+v, the last %+v", all, rest)
	}
}

// The bound comes down with the levels.
func TestBoundComesDown(t *testing.T) {
	e := openStarted(t, flowing)
	total := func(steps int) float64 {
		d := mustLikelihood(t, e, fmt.Sprintf(`{"steps": %d, "bound": true}`, steps))
		sum := d.Prior
		for _, v := range d.Bits {
			sum += v
		}
		return sum
	}
	if few, many := total(10), total(80); !(few > many && many > 0) {
		t.Errorf("bounds are %g with 10 levels and %g with 80", few, many)
	}
}

func TestLikelihoodErrors(t *testing.T) {
	for _, c := range []struct{ config, question, want string }{
		{flowing, `{"steps": 0}`, "steps must be a whole number from 1 to 10000 (got 0)"},
		{flowing, `{"steps": 1, "bound": true}`, "steps must be a whole number from 2 to 10000 for a bound (got 1)"},
		{flowing, `{"noise": "sobol"}`, `noise must be one of rademacher, gaussian or exact (got "sobol")`},
		{flowing, `{"noise": "exact", "count": 2}`, "count must be 1 with noise exact"},
		{flowing, `{"count": 0}`, "count must be a whole number from 1 to 65536 (got 0)"},
		{flowing, `{"count": 65537}`, "count must be a whole number from 1 to 65536 (got 65537)"},
		{flowing, `{"first": -1}`, "first must be a whole number from 0 to 65536 (got -1)"},
		{flowing, `{"first": 10, "steps": 10, "bound": true}`, "first must be a whole number from 0 to 9 (got 10)"},
		{flowing, `{"class": [0, 1]}`, "class must be one class, that of the picture"},
		{flowing, `{"bound": true, "variance": "learned"}`, "variance must be small or large: the model has not learned variances"},
		{flowing, `{"class": "2"}`, `class must be one of 0 or 1 (got "2")`},
		{ncsn, `{}`, "steps must be fewer: they need 65 noise levels, and the model was trained at 4 (got 32)"},
		{ncsn, `{"bound": true, "steps": 5}`, "steps must be fewer: they need 5 noise levels"},
	} {
		d, err := ParseLikelihood([]byte(c.question))
		if err == nil {
			_, err = openStarted(t, c.config).Likelihood(t.Context(), d, checkers(), nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.question, err, c.want)
		}
	}
	if _, err := ParseLikelihood([]byte(`{"probes": 3}`)); err == nil || !strings.Contains(err.Error(), "probes must be left out: ") {
		t.Errorf("an unknown field: got %v", err)
	}
	if _, err := ParseLikelihood([]byte(`{"steps": "x"}`)); err == nil || !strings.Contains(err.Error(), "steps must be a whole number") {
		t.Errorf("a text for a number: got %v", err)
	}
	if _, err := newTestEngine(0.4).Likelihood(t.Context(), LikelihoodRequest{}, checkers(), nil); err == nil || !strings.Contains(err.Error(), "model file") {
		t.Errorf("an engine of no file: got %v", err)
	}
	e := openStarted(t, ncsn)
	if got := mustLikelihood(t, e, `{"bound": true, "steps": 4}`); len(got.Bits) != 4 {
		t.Errorf("the bound at the model's own levels: %+v", got)
	}
	small := checkers()
	small.Width = 4
	if _, err := e.Likelihood(t.Context(), LikelihoodRequest{Bound: true, Steps: new(4)}, small, nil); err == nil || !strings.Contains(err.Error(), "engine: image must be 8×8×1") {
		t.Errorf("a small picture: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := openStarted(t, flowing).Likelihood(ctx, LikelihoodRequest{}, checkers(), func(done, _ int) {
		if done == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// TestGoldenLikelihood holds the bits to testdata/likelihood.txt, natively, with vectors
// and without, and in wasm.
func TestGoldenLikelihood(t *testing.T) {
	e := openStarted(t, flowing)
	var got strings.Builder
	for _, question := range []string{`{"seed": 7, "steps": 3, "count": 2, "class": 1}`, `{"noise": "gaussian", "steps": 2}`, `{"bound": true, "steps": 5}`} {
		d := mustLikelihood(t, e, question)
		fmt.Fprintln(&got, question, d.Bits, d.Prior)
	}
	golden(t, "testdata/likelihood.txt", got.String())
}
