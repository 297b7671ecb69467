package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// Every method runs with one and two steps, in every order that so few steps allow, along
// its default schedule.
func TestOneAndTwoSteps(t *testing.T) {
	forEachMethod(t, func(t *testing.T, s Settings) {
		for _, steps := range []int{1, 2} {
			s := s
			if s.Steps = steps; s.Order > steps {
				s.Order = steps
			}
			if m, _ := Lookup(s.Method); m.Adaptive && steps == 1 {
				want := "steps must be at least 2 with sampler " + m.Name + ", which chooses its own steps between the first and the last noise level above 0 (got 1)"
				if err := s.Validate(); err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				continue
			}
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			sigmas, err := s.Sigmas(0.5, 2, nil)
			if err != nil || len(sigmas) != steps+1 {
				t.Fatalf("%d levels, %v, want %d", len(sigmas), err, steps+1)
			}
			noise := NewNoise(7, 0, 2, 4, 4, 1)
			x, err := Run(s, withVariances(s, two.denoise), Start(noise, sigmas), sigmas, noise, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x.Data {
				if !(math.Abs(float64(v)) < 3) {
					t.Errorf("%d steps: number %d is %g, far from all data", steps, i, v)
				}
			}
		}
	})
}

// Every method reports settings that it does not take in the same words.
func TestErrorsOfEveryMethod(t *testing.T) {
	for _, m := range slices.Concat(Methods, Special) {
		has := func(option string) bool { return slices.Contains(m.Takes, option) }
		for _, c := range []struct {
			name   string
			change func(s *Settings)
			want   string // "" where the method takes it
		}{
			{"3rd order in 1 step", func(s *Settings) { s.Order, s.Steps = 3, 1 }, choose(m.Orders >= 3, "order must be at most the number of steps, 1 (got 3)", choose(has("order"), "order must be a whole number from 1 to ", "order must be left out with sampler "))},
			{"corrector", func(s *Settings) { s.Corrector = "langevin" }, choose(has("corrector"), "", "corrector must be left out with")},
			{"corrector steps", func(s *Settings) { s.CorrectorSteps = 2 }, choose(has("corrector_steps"), "", "corrector_steps must be left out with")},
			{"eta", func(s *Settings) { s.Eta = 0.5 }, choose(m.Eta, "", "eta must be 0 with")},
			{"churn", func(s *Settings) { s.S = 1 }, choose(has("s_churn"), "", "s_churn must be left out with")},
			{"tolerance", func(s *Settings) { s.RTol = 0.1 }, choose(has("rtol"), "", "rtol must be left out with")},
			{"path", func(s *Settings) { s.Brownian = true }, choose(m.Eta, "brownian must be left out with eta 0", choose(has("brownian"), "", "brownian must be left out with sampler"))},
			{"no steps", func(s *Settings) { s.Steps = 0 }, "steps must be a whole number from 1 to 65536 (got 0)"},
			{"above the range", func(s *Settings) { s.SigmaMax = 80 }, "sigma_max must be a number from 0.01 to 20"},
			{"below the range", func(s *Settings) { s.SigmaMin = 0.001 }, "sigma_min must be a number from 0.01 to 20"},
			{"levels of no chain", func(s *Settings) { s.Kind = KindTrailing }, "schedule must be another, such as karras: the model was not trained on a chain of steps"},
		} {
			t.Run(m.Name+"/"+c.name, func(t *testing.T) {
				s := settingsOf(m)
				c.change(&s)
				err := s.Validate()
				if err == nil {
					_, err = s.Sigmas(0.01, 20, nil)
				}
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			})
		}
	}
}

func choose(ok bool, one, other string) string {
	if ok {
		return one
	}
	return other
}
