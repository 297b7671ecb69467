package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// One step and two are enough for every method, in every order that they allow, and
// along its own kind of levels.
func TestOneAndTwoSteps(t *testing.T) {
	everyMethod(t, func(t *testing.T, s Settings) {
		for _, steps := range []int{1, 2} {
			s := s
			if s.Steps = steps; s.Order > steps {
				s.Order = steps
			}
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			sigmas, err := s.Sigmas(0.5, 2, nil)
			if err != nil || len(sigmas) != steps+1 {
				t.Fatalf("%d levels, %v, want %d", len(sigmas), err, steps+1)
			}
			noise := NewNoise(7, 0, 2, 4, 4, 1)
			x, err := Run(s, knowing(s, two.denoise), Start(noise, sigmas), sigmas, noise, nil)
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

// Every method is held to the same words about settings that it cannot honour: what was
// found, and what it needs.
func TestEveryMethodSaysWhatItNeeds(t *testing.T) {
	for _, m := range slices.Concat(Methods, Special) {
		has := func(option string) bool { return slices.Contains(m.Takes, option) }
		for _, c := range []struct {
			name   string
			change func(s *Settings)
			want   string // "" where the method takes it
		}{
			{"3rd order in 1 step", func(s *Settings) { s.Order, s.Steps = 3, 1 }, pick(m.Orders >= 3, "order is 3 with 1 steps, need at most the steps", pick(has("order"), "need 1 to ", "need 0: it has no order"))},
			{"corrector", func(s *Settings) { s.Corrector = "langevin" }, pick(has("corrector"), "", "need none: it has no corrector")},
			{"corrector steps", func(s *Settings) { s.CorrectorSteps = 2 }, pick(has("corrector_steps"), "", "need 0: it has no corrector_steps")},
			{"eta", func(s *Settings) { s.Eta = 0.5 }, pick(m.Eta, "", "need 0: it has no eta")},
			{"churn", func(s *Settings) { s.S = 1 }, pick(has("s_churn"), "", "need 0: it has no s_churn")},
			{"tolerance", func(s *Settings) { s.RTol = 0.1 }, pick(has("rtol"), "", "need 0: it has no rtol")},
			{"path", func(s *Settings) { s.Brownian = true }, pick(m.Eta, "with eta 0, need an eta above 0", pick(has("brownian"), "", "need 0: it has no brownian"))},
			{"no steps", func(s *Settings) { s.Steps = 0 }, "0 steps, need 1 to 65536"},
			{"above the range", func(s *Settings) { s.SigmaMax = 80 }, "outside the model's range, need [0.01, 20]"},
			{"below the range", func(s *Settings) { s.SigmaMin = 0.001 }, "outside the model's range, need [0.01, 20]"},
			{"levels of no chain", func(s *Settings) { s.Kind = KindTrailing }, `kind is "trailing", need "karras": the model has no chain of steps`},
		} {
			t.Run(m.Name+"/"+c.name, func(t *testing.T) {
				s := settings(m)
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

func pick(ok bool, one, other string) string {
	if ok {
		return one
	}
	return other
}
