package sampler

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/num"
	"tweedie/core/tensor"
)

// toy is a small nonlinear network with a time input, in float32.
func toy(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error) {
	out := tensor.New(x.Shape...)
	for i := range x.Shape[0] {
		row, to := x.Row(i), out.Row(i)
		for j, v := range row {
			next := row[(j+1)%len(row)]
			mixed := v + float32(0.5*next) + float32(0.001*cNoise)
			to[j] = float32(num.Tanh(float64(mixed)))
		}
	}
	return out, nil
}

// The bits of two small images by every method, along both kinds of schedule, are in a
// golden file that this test compares with on every target: natively, with and without
// fused instructions, and as wasm. It does not show that the images are correct.
// TWEEDIE_GOLDEN=write rewrites the file.
func TestSameBitsEverywhere(t *testing.T) {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Cosine, Steps: 100})
	if err != nil {
		t.Fatal(err)
	}
	low, high := chain.SigmaRange()
	denoise := diffusion.Clipped(diffusion.Denoise(toy, diffusion.Epsilon{Chain: chain}))
	noise := NewNoise(11, 5, 2, 2, 2, 1)
	var got strings.Builder
	forEachMethod(t, func(t *testing.T, s Settings) {
		for _, schedule := range []Schedule{{SigmaMax: 20}, {Kind: KindTrailing}} {
			s.Schedule = schedule
			sigmas, err := s.Sigmas(low, high, chain)
			if err != nil {
				t.Fatal(err)
			}
			x, err := Run(s, withVariances(s, denoise), Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "%s eta=%g%s %q:", s.Method, s.Eta, optionString(s.Options), schedule.Kind)
			for _, v := range x.Data {
				fmt.Fprintf(&got, " %08x", math.Float32bits(v))
			}
			got.WriteByte('\n')
		}
	})
	sigmas, err := Settings{Steps: 6, Schedule: Schedule{Kind: KindOptimised}, Posterior: whitePosteriorVariance(0.5)}.Sigmas(low, high, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&got, "optimised levels:")
	for _, v := range sigmas {
		fmt.Fprintf(&got, " %08x", math.Float32bits(v))
	}
	got.WriteByte('\n')
	const file = "testdata/bits.txt"
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(b), "\n")
	for i, line := range strings.Split(got.String(), "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("line %d of %s: got %s, want %s", i+1, file, line, append(want, "")[min(i, len(want))])
		}
	}
}
