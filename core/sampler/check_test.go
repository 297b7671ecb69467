package sampler

import (
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// unit is the exact denoiser for data from N(0,I), of any shape.
func unit(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	return x.Scaled(1 / (1 + float32(sigma*sigma))), nil
}

// twice is unit with learned variances behind each number of the last axis.
func twice(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
	d := x.Scaled(1 / (1 + float32(sigma*sigma)))
	shape := append([]int{}, x.Shape...)
	c := shape[len(shape)-1]
	shape[len(shape)-1] = 2 * c
	out := tensor.New(shape...)
	for i := 0; i < len(d.Data); i += c {
		copy(out.Data[2*i:], d.Data[i:i+c])
	}
	return out, nil
}

// of returns settings that a method accepts, and a denoiser for it.
func of(m Method) (Settings, diffusion.Denoiser) {
	s := Settings{Method: m.Name, Steps: 4}
	if m.Name == "heun" {
		s.S = 1
	}
	if m.Eta {
		s.Eta = 0.5
	}
	if m.Needs == NeedsPosterior {
		s.Posterior = &diffusion.PosteriorVariance{Sigmas: []float64{0.05, 0.5, 4}, Variances: []float64{0.002, 0.1, 0.3}}
	}
	if m.Needs == NeedsVariances {
		return s, twice
	}
	return s, unit
}

// where returns text if it applies, "" if not.
func where(applies bool, text string) string {
	if applies {
		return text
	}
	return ""
}

// Every method samples points [N,D], with the numbers that it gives them as images.
func TestPointsAreWelcome(t *testing.T) {
	sigmas := []float32{8, 2, 0.5, 0.1, 0}
	for _, m := range append(append([]Method{}, Methods...), Special...) {
		s, denoise := of(m)
		points, images := NewNoise(3, 0, 2, 3), NewNoise(3, 0, 2, 1, 1, 3)
		got, err := Run(s, denoise, Start(points, sigmas), sigmas, points, nil)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		want, err := Run(s, denoise, Start(images, sigmas), sigmas, images, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got.Data {
			if v != want.Data[i] || len(got.Shape) != 2 {
				t.Errorf("%s: number %d is %g of shape %v, want %g", m.Name, i, v, got.Shape, want.Data[i])
				break
			}
		}
	}
}

// What no method can use is an error of every method, and never a panic.
func TestRunRefuses(t *testing.T) {
	sigmas, noise := []float32{8, 2, 0.5, 0.1, 0}, NewNoise(3, 0, 2, 1, 1, 3)
	x := Start(noise, sigmas)
	for _, m := range append(append([]Method{}, Methods...), Special...) {
		s, denoise := of(m)
		draws := m.Noise || m.Eta || m.Name == "heun"
		for _, c := range []struct {
			name    string
			denoise diffusion.Denoiser
			x       *tensor.Tensor
			noise   Noise
			want    string
		}{
			{"no denoiser", nil, x, noise, "the denoiser must not be nil"},
			{"no x", denoise, nil, noise, "x must not be nil"},
			{"one axis", denoise, tensor.New(4), noise, "x must have shape [N,H,W,C], or [N,D] for points, with no empty axis (got [4])"},
			{"empty axis", denoise, tensor.New(0, 2), noise, "(got [0 2])"},
			{"missing numbers", denoise, &tensor.Tensor{Shape: []int{2, 3}, Data: make([]float32, 5)}, noise, "must have 6 numbers (got 5)"},
			{"another shape", func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return tensor.New(2, 1, 1, 2), nil }, x, noise,
				"the denoiser's result must have the shape of x, [2 1 1 3] (got [2 1 1 2] with 4 numbers)"},
			{"another N", func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return tensor.New(1, 1, 1, 3), nil }, x, noise, "(got [1 1 1 3] with 3 numbers)"},
			{"no result", func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, nil }, x, noise, "(got nil)"},
			{"no noise", denoise, x, nil, where(draws, "noise must not be nil")},
			{"noise of another N", denoise, x, NewNoise(3, 0, 5, 1, 1, 3), where(draws, "noise must have the shape of x, [2 1 1 3] (got [5 1 1 3] with 15 numbers)")},
		} {
			_, err := Run(s, c.denoise, c.x, sigmas, c.noise, nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: got %v, want %q", m.Name, c.name, err, c.want)
			}
		}
	}
}

// Methods that are called by themselves refuse the same.
func TestMethodsRefuse(t *testing.T) {
	sigmas, noise := []float32{8, 2, 0.5, 0}, NewNoise(3, 0, 2, 3)
	x := Start(noise, sigmas)
	flat := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) {
		return make([]float64, x.Shape[0]), tensor.New(x.Shape...), nil
	}
	short := func(x *tensor.Tensor) ([]float64, *tensor.Tensor, error) { return nil, tensor.New(x.Shape...), nil }
	for name, run := range map[string]func() error{
		"Euler, x":      func() error { _, err := Euler(unit, nil, sigmas, nil); return err },
		"Heun, denoise": func() error { _, err := Heun(nil, x, sigmas, Churn{}, nil, nil); return err },
		"Heun, churn":   func() error { _, err := Heun(unit, x, sigmas, Churn{S: 1}, nil, nil); return err },
		"DDIM, eta":     func() error { _, err := DDIM(unit, x, sigmas, 2, noise, nil); return err },
		"DDPM, noise":   func() error { _, err := DDPM(unit, x, sigmas, VarianceSmall, nil, nil); return err },
		"DPM, order":    func() error { _, err := DPMSolver(unit, x, sigmas, 4, nil); return err },
		"LMS, order":    func() error { _, err := LMS(unit, x, sigmas, 0, nil); return err },
		"UniPC, order":  func() error { _, err := UniPC(unit, x, sigmas, 9, 2, nil); return err },
		"UniPC, bh":     func() error { _, err := UniPC(unit, x, sigmas, 2, 3, nil); return err },
		"SDE, order":    func() error { _, err := SDEDPMSolver(unit, x, sigmas, 3, noise, nil); return err },
		"analytic":      func() error { _, err := DDPMAnalytic(unit, x, sigmas, nil, noise, nil); return err },
		"learned":       func() error { _, err := DDPMLearned(unit, x, sigmas, noise, nil); return err },
		"predictor": func() error {
			_, err := PredictorCorrector(unit, x, sigmas, "?", "none", 1, 0.1, noise, nil)
			return err
		},
		"corrector": func() error {
			_, err := PredictorCorrector(unit, x, sigmas, Predictors[0], "?", 1, 0.1, noise, nil)
			return err
		},
		"Langevin steps": func() error { _, err := AnnealedLangevin(unit, x, sigmas, 0, 0, noise, nil); return err },
		"no density":     func() error { _, err := Langevin(nil, x, 0.1, 2, noise); return err },
		"Langevin noise": func() error { _, err := Langevin(flat, x, 0.1, 2, nil); return err },
		"MALA, values":   func() error { _, _, err := MALA(short, x, 0.1, 2, noise); return err },
		"HMC, leapfrogs": func() error { _, _, err := HMC(flat, x, 0.1, 0, 2, noise); return err },
		"HMC, x":         func() error { _, _, err := HMC(flat, tensor.New(3), 0.1, 1, 2, noise); return err },
	} {
		if err := run(); err == nil || !strings.HasPrefix(err.Error(), "sampler: ") {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
}
