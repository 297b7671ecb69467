package importer

import (
	"math"
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// Schedulers of rectified flow shift the noise levels, by a number or by the size of the image.
func TestFlowShift(t *testing.T) {
	const flow, chain = `{"_class_name":"FlowMatchEulerDiscreteScheduler"`, `{"_class_name":"UniPCMultistepScheduler","beta_schedule":"linear","timestep_spacing":"linspace","use_flow_sigmas":true,"prediction_type":"flow_prediction"`
	for _, tt := range []struct {
		json  string
		shift float64 // of an image of 64x64, 0 for none
		want  string  // in a note, or in the error
	}{
		{flow + `}`, 0, ""},
		{flow + `,"shift":1.0}`, 0, ""},
		{flow + `,"shift":3.0}`, 3, "shifted by 3"},
		{`{"_class_name":"FlowMatchHeunDiscreteScheduler","shift":0.5}`, 0.5, "shifted by 0.5"},
		{flow + `,"shift":3.0,"use_dynamic_shifting":true}`, math.Exp(0.63), "shifted by the size of the image"},
		{flow + `,"use_dynamic_shifting":true,"base_shift":1,"max_shift":2,"base_image_seq_len":512,"max_image_seq_len":1536,"time_shift_type":"linear"}`, 1.5, "shifted by the size of the image, 1 at 512 tokens to 2 at 1536"},
		{chain + `,"flow_shift":5.0}`, 5, "shifted by 5"},
		{chain + `,"flow_shift":1.0}`, 0, ""},
		{flow + `,"shift":-1}`, 0, "shift must be a number above 0"},
		{flow + `,"shift":"3"}`, 0, "shift: "},
		{flow + `,"use_dynamic_shifting":true,"base_image_seq_len":4096}`, 0, `must have time_shift_type exponential or linear and rising lengths base_image_seq_len and max_image_seq_len (got "exponential", 4096 and 4096)`},
		{flow + `,"use_dynamic_shifting":true,"time_shift_type":"odd"}`, 0, `must have time_shift_type exponential or linear and rising lengths base_image_seq_len and max_image_seq_len (got "odd", 256 and 4096)`},
	} {
		p, err := parseScheduler([]byte(tt.json))
		if err != nil {
			if tt.want == "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", tt.json, err, tt.want)
			}
			continue
		}
		got := p.sampling.Shift
		if by := p.sampling.ShiftBySize; by != nil {
			// (64·64/4 − 256)/3840 of the way from 0.5 to 1.15 is 0.63.
			got = by.Shift(64, 64)
		}
		if !(math.Abs(got-tt.shift) <= 1e-12) || !strings.Contains(strings.Join(p.notes, "; "), tt.want) || (got != 0) != (p.sampling.Schedule == sampler.KindFlow) {
			t.Errorf("%s: got shift %g, schedule %q, notes %q, want shift %g and %q", tt.json, got, p.sampling.Schedule, p.notes, tt.shift, tt.want)
		}
	}
}

// Networks that were distilled for few steps sample by their own method, from the noisiest step on.
func TestDistilledSchedulers(t *testing.T) {
	for _, tt := range []struct{ json, sampler, schedule string }{
		{`{"_class_name":"LCMScheduler","beta_schedule":"scaled_linear","timestep_spacing":"leading"}`, "lcm", sampler.KindTrailing},
		{`{"_class_name":"TCDScheduler","num_train_timesteps":1000,"beta_start":0.00085,"beta_end":0.012,"beta_schedule":"scaled_linear","prediction_type":"epsilon"}`, "tcd", sampler.KindTrailing},
		{`{"_class_name":"FlowMatchLCMScheduler"}`, "lcm", ""},
	} {
		p, err := parseScheduler([]byte(tt.json))
		if err != nil {
			t.Fatal(err)
		}
		if d := p.defaults(); d.Sampler != tt.sampler || d.Schedule != tt.schedule || d.Steps != distilledSteps {
			t.Errorf("%s: defaults are %+v, want sampler %s, schedule %q and %d steps", tt.json, d, tt.sampler, tt.schedule, distilledSteps)
		}
	}
}
