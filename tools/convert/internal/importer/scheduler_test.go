package importer

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

func TestParseScheduler(t *testing.T) {
	linear := &diffusion.Schedule{Kind: diffusion.Linear, Steps: 100, BetaStart: 0.001, BetaEnd: 0.01}
	for _, tt := range []struct {
		name, json string
		want       process
	}{
		{"chain", `{"_class_name":"DDIMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":true}`,
			process{prediction: "epsilon", schedule: linear}},
		{"v", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"prediction_type":"v_prediction"}`,
			process{prediction: "v", schedule: linear}},
		{"sample", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"prediction_type":"sample"}`,
			process{prediction: "x0", schedule: linear}},
		{"thresholding", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"thresholding":true}`,
			process{prediction: "epsilon", schedule: linear, threshold: 0.995}},
		{"trained", `{"trained_betas":[0.1,0.2]}`, process{prediction: "epsilon", schedule: &diffusion.Schedule{Kind: diffusion.Table, Betas: []float64{0.1, 0.2}}}},
		{"EDM", `{"_class_name":"EDMEulerScheduler","sigma_data":0.6,"sigma_min":0.01,"sigma_max":40,"prediction_type":"epsilon"}`,
			process{prediction: model.EDM, sigmaData: 0.6, sigmaMin: 0.01, sigmaMax: 40}},
		{"straight", `{"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":1000}`,
			process{prediction: "velocity", spec: &diffusion.Spec{Kind: diffusion.KindStraight}, sigmaMin: 1.0 / 999, sigmaMax: 999, timeScale: 1000}},
	} {
		got, err := parseScheduler([]byte(tt.json))
		if tt.want.schedule != nil {
			chain, err := diffusion.NewChain(*tt.want.schedule)
			if err != nil {
				t.Fatal(err)
			}
			lowest, highest := chain.SigmaRange()
			tt.want.sigmaMin, tt.want.sigmaMax = float64(lowest), float64(highest)
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

// TestScaledLinear compares with the levels of Stable Diffusion's chain, √(1/ᾱ − 1) of
// torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64)**2, by PyTorch 1.13;
// and sigmoid with torch.sigmoid(torch.linspace(-6, 6, 1000)) * (0.02 - 1e-4) + 1e-4.
func TestScaledLinear(t *testing.T) {
	for _, tt := range []struct {
		json      string
		low, high float64
	}{
		{`{"beta_schedule":"scaled_linear","beta_start":0.00085,"beta_end":0.012}`, 0.029167158, 14.614641},
		{`{"beta_schedule":"sigmoid"}`, 0.012215869, 158.74337},
	} {
		p, err := parseScheduler([]byte(tt.json))
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(p.sigmaMin/tt.low-1) < 1e-6) || !(math.Abs(p.sigmaMax/tt.high-1) < 1e-6) {
			t.Errorf("%s: got noise levels %g to %g, want %g to %g", tt.json, p.sigmaMin, p.sigmaMax, tt.low, tt.high)
		}
	}
}

func TestParseSchedulerRefuses(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"array", `[1]`, "cannot unmarshal"},
		{"no chain", `{"_class_name":"KarrasVeScheduler"}`, `scheduler "KarrasVeScheduler" has no beta_schedule`},
		{"kind", `{"beta_schedule":"steep"}`, `beta_schedule is "steep"`},
		{"prediction", `{"beta_schedule":"linear","prediction_type":"score"}`, `prediction_type is "score"`},
		{"EDM v", `{"_class_name":"EDMEulerScheduler","prediction_type":"v_prediction"}`, `prediction_type is "v_prediction"`},
		{"trained", `{"beta_schedule":"linear","trained_betas":[2]}`, "betas[0] is 2"},
		{"zero SNR", `{"beta_schedule":"linear","rescale_betas_zero_snr":true}`, "rescale_betas_zero_snr is true"},
		{"steps", `{"beta_schedule":"linear","num_train_timesteps":-1}`, "-1"},
		{"steps of a table", `{"beta_schedule":"sigmoid","num_train_timesteps":1000000000}`, "num_train_timesteps is 1000000000"},
		{"text", `{"beta_schedule":"linear","beta_start":"0.1"}`, "beta_start: "},
		{"range", `{"beta_schedule":"linear","beta_start":0.5,"beta_end":0.1}`, "0.1"},
		{"prediction number", `{"beta_schedule":"linear","prediction_type":1}`, "prediction_type: "},
	} {
		if _, err := parseScheduler([]byte(tt.json)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
