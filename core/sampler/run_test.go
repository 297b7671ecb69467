package sampler

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"tweedie/core/tensor"
)

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %g, want %g to the bit", what, i, got[i], want[i])
		}
	}
}

// everyMethod runs f for each method, and for DDIM with noise too.
func everyMethod(t *testing.T, f func(t *testing.T, s Settings)) {
	for _, m := range Methods {
		t.Run(m.Name, func(t *testing.T) { f(t, settings(m)) })
		if m.Eta {
			s := settings(m)
			s.Eta = 0.7
			t.Run(m.Name+" with eta", func(t *testing.T) { f(t, s) })
		}
	}
}

func TestSampleDoesNotDependOnItsBatch(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, s.Steps, 0.01, 80)
		sample := func(first uint64, n int) *tensor.Tensor {
			noise := NewNoise(7, first, n, 4, 4, 3)
			x, err := Run(s, two.denoise, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		batch := sample(0, 16)
		sameBits(t, "sample 0", sample(0, 1).Data, batch.Row(0))
		sameBits(t, "sample 13", sample(13, 1).Data, batch.Row(13))
		if slices.Equal(batch.Row(0), batch.Row(1)) {
			t.Error("two samples are the same image")
		}
	})
}

func TestOneStepIsTheDenoiser(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, 1, 0.01, 5)
		noise := NewNoise(7, 0, 2, 4, 4, 1)
		start := Start(noise, sigmas)
		before := start.Clone()
		got, err := Run(s, two.denoise, start, sigmas, noise, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := two.denoise(before, 5)
		sameBits(t, "result", got.Data, want.Data)
		sameBits(t, "argument", start.Data, before.Data)
	})
}

// A run that is cancelled returns the denoiser's error as it is, and calls it no
// more. Counting up to there also holds NFE to its word.
func TestDenoisersErrorPassesUnchanged(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, s.Steps, 0.01, 80)
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		m, _ := Lookup(s.Method)
		for stop := range m.NFE(s.Steps, true) {
			calls := 0
			x, err := Run(s, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
				if calls++; calls == stop+1 {
					return nil, context.Canceled
				}
				return two.denoise(x, sigma)
			}, Start(noise, sigmas), sigmas, noise, nil)
			if x != nil || err != context.Canceled || calls != stop+1 {
				t.Fatalf("stopped at call %d: got %v, %v after %d calls", stop+1, x, err, calls)
			}
		}
	})
}

func TestNFE(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		full := karras(t, s.Steps, 0.01, 80)
		for _, sigmas := range [][]float32{full, full[:s.Steps]} {
			calls := 0
			_, err := Run(s, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
				if calls++; sigma <= 0 {
					t.Errorf("called at σ = %g", sigma)
				}
				return two.denoise(x, sigma)
			}, Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, _ := Lookup(s.Method)
			if want := m.NFE(len(sigmas)-1, sigmas[len(sigmas)-1] == 0); calls != want {
				t.Errorf("%d levels to %g: %d calls, want %d", len(sigmas), sigmas[len(sigmas)-1], calls, want)
			}
		}
	})
}

// A stream that is drawn and not used would tie later images to it for nothing.
func TestNoDeadDraws(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, 3, 0.01, 80)
		inner := NewNoise(7, 0, 1, 2, 2, 1)
		var drawn []uint32
		noise := func(stream uint32) *tensor.Tensor {
			drawn = append(drawn, stream)
			return inner(stream)
		}
		if _, err := Run(s, two.denoise, Start(inner, sigmas), sigmas, noise, nil); err != nil {
			t.Fatal(err)
		}
		m, _ := Lookup(s.Method)
		var want []uint32
		if m.Noise || s.Eta > 0 {
			want = []uint32{StreamStep, StreamStep + 1} // none in the step to 0
		}
		if !slices.Equal(drawn, want) {
			t.Errorf("drew streams %d, want %d", drawn, want)
		}
	})
}

func TestHook(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		sigmas := karras(t, 4, 0.01, 80)
		noise := NewNoise(7, 0, 1, 2, 2, 1)
		next := 0
		x, err := Run(s, two.denoise, Start(noise, sigmas), sigmas, noise, func(step int, x *tensor.Tensor, sigma float32) error {
			if step != next || sigma != sigmas[step+1] {
				t.Errorf("hook got step %d at σ = %g, want %d at %g", step, sigma, next, sigmas[next+1])
			}
			next++
			x.Data[0] = 42
			return nil
		})
		if err != nil || next != 4 || x.Data[0] != 42 {
			t.Errorf("%d calls, %v, result %v: want 4 calls, and what the hook wrote", next, err, x)
		}
		stop := errors.New("stop")
		_, err = Run(s, two.denoise, Start(noise, sigmas), sigmas, noise, func(int, *tensor.Tensor, float32) error { return stop })
		if err != stop {
			t.Errorf("got %v, want the hook's own error", err)
		}
	})
}

func TestSettingsValidate(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		s    Settings
		want string
	}{
		{"no method", Settings{Steps: 1}, `sampler: method is "", need one of ["dpmpp2m" "ddim" "ddpm" "ddpm-large" "heun" "euler"]`},
		{"no steps", Settings{Method: "ddim"}, "sampler: invalid noise schedule: 0 steps, need 1 to 65536"},
		{"many steps", Settings{Method: "ddim", Steps: 1 << 40}, "sampler: invalid noise schedule: 1099511627776 steps, need 1 to 65536"},
		{"NaN eta", Settings{Method: "ddim", Steps: 1, Eta: nan}, "sampler: eta is NaN, need 0 to 1"},
		{"eta above 1", Settings{Method: "ddim", Steps: 1, Eta: 1.5}, "sampler: eta is 1.5, need 0 to 1"},
		{"eta elsewhere", Settings{Method: "heun", Steps: 1, Eta: 1}, `sampler: eta is 1 for "heun", need 0: it has no eta`},
		{"schedule", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Kind: "x"}}, `sampler: invalid noise schedule: kind is "x", need "karras", "leading", "trailing" or "linspace"`},
		{"NaN rho", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Rho: nan}}, "sampler: invalid noise schedule: rho is NaN, need 1 to 1000"},
		{"NaN level", Settings{Method: "heun", Steps: 1, Schedule: Schedule{SigmaMax: nan}}, "sampler: invalid noise schedule: sigma_max is NaN, need a finite number of at least 0"},
		{"rho of a chain", Settings{Method: "heun", Steps: 1, Schedule: Schedule{Kind: "leading", Rho: 7}}, `sampler: invalid noise schedule: sigma_min, sigma_max or rho given for kind "leading", need them with "karras" only`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.s.Validate(); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Run(Settings{Method: "dpm"}, nil, nil, nil, nil, nil); err == nil {
		t.Error("Run took an unknown method")
	}
}

func TestSettingsTravelAsFlatJSON(t *testing.T) {
	want := Settings{Method: "ddim", Steps: 20, Eta: 0.5, Schedule: Schedule{Kind: "karras", SigmaMax: 40}}
	const text = `{"sampler":"ddim","steps":20,"eta":0.5,"schedule":"karras","sigma_max":40}`
	b, err := json.Marshal(want)
	if err != nil || string(b) != text {
		t.Fatalf("got %s, %v, want %s", b, err, text)
	}
	var got Settings
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
