package diffusion

import (
	"errors"
	"math"
	"testing"

	"tweedie/core/tensor"
)

// constant returns a denoiser of one answer, and counts its calls.
func constant(v float32, calls *int) Denoiser {
	return func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) {
		*calls++
		out := tensor.New(x.Shape...)
		for i := range out.Data {
			out.Data[i] = v
		}
		return out, nil
	}
}

func TestGuided(t *testing.T) {
	for _, c := range []struct {
		name         string
		g            Guidance
		sigma        float32
		want         float32 // with D_c = 0.5 and D_u = 0.25
		cond, uncond int
	}{
		{"plain", Guidance{Scale: 1}, 1, 0.5, 1, 0},
		{"unconditional", Guidance{}, 1, 0.25, 0, 1},
		{"half", Guidance{Scale: 0.5}, 1, 0.375, 1, 1},
		{"strong", Guidance{Scale: 3}, 1, 1, 1, 1},
		{"above the interval", Guidance{Scale: 3, SigmaMin: 0.2, SigmaMax: 0.9}, 1, 0.5, 1, 0},
		{"at its top", Guidance{Scale: 3, SigmaMin: 0.2, SigmaMax: 1}, 1, 1, 1, 1},
		{"at its bottom", Guidance{Scale: 3, SigmaMin: 1, SigmaMax: 2}, 1, 0.5, 1, 0},
		{"no top", Guidance{Scale: 3, SigmaMin: 0.2}, 1e6, 1, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cond, uncond int
			denoise, err := Guided(constant(0.5, &cond), constant(0.25, &uncond), c.g)
			if err != nil {
				t.Fatal(err)
			}
			got, err := denoise(tensor.New(1, 1, 1, 1), c.sigma)
			if err != nil {
				t.Fatal(err)
			}
			if got.Data[0] != c.want || cond != c.cond || uncond != c.uncond {
				t.Errorf("got %g with %d and %d calls, want %g with %d and %d", got.Data[0], cond, uncond, c.want, c.cond, c.uncond)
			}
		})
	}
}

// Where the condition says nothing, guidance changes nothing, at any strength.
func TestGuidedOfEqualDenoisersIsExact(t *testing.T) {
	var calls int
	denoise, err := Guided(constant(0.1, &calls), constant(0.1, &calls), Guidance{Scale: 7.3})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := denoise(tensor.New(1, 1, 1, 1), 1); got.Data[0] != 0.1 {
		t.Errorf("got %g, want 0.1 exactly", got.Data[0])
	}
}

func TestGuidedPassesErrors(t *testing.T) {
	stop := errors.New("stop")
	fails := func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, stop }
	var calls int
	for _, pair := range [][2]Denoiser{{fails, constant(0, &calls)}, {constant(0, &calls), fails}} {
		denoise, err := Guided(pair[0], pair[1], Guidance{Scale: 2})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := denoise(tensor.New(1, 1, 1, 1), 1); err != stop {
			t.Errorf("got %v, want the denoiser's own error", err)
		}
	}
}

func TestGuidanceValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		g    Guidance
		want string
	}{
		{"NaN", Guidance{Scale: math.NaN()}, "diffusion: guidance: scale is NaN, need a finite number of at least 0"},
		{"infinite", Guidance{Scale: math.Inf(1)}, "diffusion: guidance: scale is +Inf, need a finite number of at least 0"},
		{"negative", Guidance{Scale: -0.5}, "diffusion: guidance: scale is -0.5, need a finite number of at least 0"},
		{"NaN interval", Guidance{Scale: 1, SigmaMax: math.NaN()}, "diffusion: guidance: sigma_max is NaN, need a finite number of at least 0"},
		{"empty interval", Guidance{Scale: 1, SigmaMin: 2, SigmaMax: 1}, "diffusion: guidance: interval ends at 1, need more than its start 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Guided(nil, nil, c.g); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestClipped(t *testing.T) {
	nan := float32(math.NaN())
	answer := tensor.Of([]float32{-3, -1, -0.5, 0.25, 1, 1.5, float32(math.Inf(1)), nan}, 1, 1, 8, 1)
	denoise := Clipped(func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return answer, nil })
	got, err := denoise(answer, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{-1, -1, -0.5, 0.25, 1, 1, 1, nan} {
		if math.Float32bits(got.Data[i]) != math.Float32bits(want) {
			t.Errorf("number %d is %g, want %g", i, got.Data[i], want)
		}
	}
	if answer.Data[0] != -3 {
		t.Error("the denoiser's answer was written")
	}
}
