package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/sampler"
	"tweedie/core/settings"
)

// Every option of a sampler is described, and every setting that is described can be asked
// for where it applies, and nowhere else.
func TestSettings(t *testing.T) {
	e := openStarted(t, flowing)
	samples := map[string]string{
		"size":   `"16x8"`,
		"s_tmax": "5", "s_noise": "1.01", "predictor": `"ancestral"`, "corrector": `"none"`, "epsilon": "1e-4", "rtol": "0.01", "atol": "0.01", "brownian": "true",
		"schedule": `"cosine"`, "sigma_max": "10", "sigma_min": "0.1", "threshold": `"static"`, "guidance_sigma_max": "5", "jump": "2",
		"solver_type": `"heun"`, "lower_order_final": "true",
	}
	described := map[string]settings.Setting{}
	for _, s := range e.info.Settings {
		described[s.Name] = s
	}
	for _, m := range e.info.Samplers {
		for _, name := range m.Takes {
			if s := described[name]; s.Group != settings.GroupSampler || s.Title == "" || s.Help == "" {
				t.Errorf("%s takes %s, which is described as %+v", m.Name, name, s)
			}
		}
		for _, s := range e.info.Settings {
			if slices.Contains([]string{"sampler", "steps", "guidance", "classifier_guidance"}, s.Name) {
				continue // in every request below, or for a classifier
			}
			value := samples[s.Name]
			if value == "" {
				value = "1"
			}
			text := fmt.Sprintf(`{"sampler": %q, "steps": 4, "guidance": 2, %q: %s}`, m.Name, s.Name, value)
			if s.Only == "threshold=dynamic" {
				text = strings.Replace(text, "{", `{"threshold": "dynamic", `, 1)
			}
			if s.Name == "shift" {
				text = strings.Replace(text, "{", `{"schedule": "flow", `, 1)
			}
			if strings.HasPrefix(s.Name, "s_") && s.Name != "s_churn" {
				text = strings.Replace(text, "{", `{"s_churn": 1, `, 1)
			}
			if s.Name == "brownian" && m.Eta {
				text = strings.Replace(text, "{", `{"eta": 0.5, `, 1)
			}
			r, err := ParseRequest([]byte(text))
			if err == nil {
				_, err = e.Check(r, s.Group == "inpaint")
			}
			offered := s.Group != settings.GroupSampler || slices.Contains(m.Takes, s.Name) || s.Name == "eta" && m.Eta
			if s.Name == "rho" && strings.HasPrefix(m.Name, "flow-") { // whose levels are not Karras'
				offered = false
			}
			if (err == nil) != offered {
				t.Errorf("%s is offered: %v; got %v", text, offered, err)
			}
		}
	}
	for _, s := range e.info.Settings {
		for _, choice := range s.Choices {
			if slices.Contains([]string{"predictor", "corrector", "sampler"}, s.Name) {
				continue // pc's, or with steps of their own
			}
			r, err := ParseRequest(fmt.Appendf(nil, `{"steps": 4, %q: %q}`, s.Name, choice))
			if err == nil {
				_, err = e.Check(r, false)
			}
			if err != nil {
				t.Errorf("%s %q: %v", s.Name, choice, err)
			}
		}
		if name, values, ok := strings.Cut(s.Only, "="); ok {
			other := described[name]
			for _, v := range strings.Split(values, "|") {
				if v != "" && !slices.Contains(other.Choices, v) && !slices.Contains(sampler.Kinds, v) {
					t.Errorf("%s is of %s %q, which is none of %q", s.Name, name, v, other.Choices)
				}
			}
		}
	}
	if got, want := described["predictor"].Choices, sampler.Predictors; !slices.Equal(got, want) {
		t.Errorf("predictors %q, want %q", got, want)
	}
	if slices.Contains(described["schedule"].Choices, "trailing") {
		t.Error("the levels of a chain are offered for a model without one")
	}
}

// A model whose own sampler is one for distilled models has both, and another model has neither.
func TestDistilledSamplers(t *testing.T) {
	names := func(own string) (out []string) {
		for _, m := range SamplersOf(&model.Config{Defaults: model.Defaults{Sampler: own}}) {
			if m.Needs == sampler.NeedsDistilled {
				out = append(out, m.Name)
			}
		}
		return out
	}
	for own, want := range map[string][]string{"": nil, "ddim": nil, "lcm": {"lcm", "tcd"}, "tcd": {"lcm", "tcd"}} {
		if got := names(own); !slices.Equal(got, want) {
			t.Errorf("default sampler %q: got %q, want %q", own, got, want)
		}
	}
}

// The model's own shift applies to schedule flow, for the size of the image, unless the request has one.
func TestModelShift(t *testing.T) {
	info := testInfo()
	info.config = &model.Config{Defaults: model.Defaults{Shift: 3}}
	for _, c := range []struct {
		request string
		want    float64
	}{{`{}`, 0}, {`{"schedule":"flow"}`, 3}, {`{"sampler":"flow-euler"}`, 3}, {`{"sampler":"flow-heun","shift":2}`, 2}, {`{"sampler":"flow-heun","schedule":"karras"}`, 0}} {
		r, err := ParseRequest([]byte(c.request))
		if err != nil {
			t.Fatal(err)
		}
		p, err := info.Check(r, false)
		if err != nil || p.Shift != c.want {
			t.Errorf("%s: shift is %g, %v, want %g", c.request, p.Shift, err, c.want)
		}
	}
	by := diffusion.DynamicShift{BaseShift: 0.5, MaxShift: 1.15, BaseLength: 256, MaxLength: 4096}
	info.config = &model.Config{Defaults: model.Defaults{ShiftBySize: &by}}
	r, _ := ParseRequest([]byte(`{"sampler":"flow-euler"}`))
	p, err := info.Check(r, false)
	if want := by.Shift(info.Shape[1], info.Shape[2]); err != nil || p.Shift != want {
		t.Errorf("shift by size is %g, %v, want %g", p.Shift, err, want)
	}
}
