package importer

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

func TestParseScheduler(t *testing.T) {
	linear := &diffusion.Schedule{Kind: diffusion.Linear, Steps: 100, BetaStart: 0.001, BetaEnd: 0.01}
	static := model.Defaults{Threshold: "static"}
	for _, tt := range []struct {
		name, json string
		want       process
	}{
		{"chain", `{"_class_name":"DDIMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":true}`,
			process{prediction: "epsilon", schedule: linear, sampling: static}},
		{"clipping by default", `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100}`,
			process{prediction: "epsilon", schedule: linear, sampling: static}},
		{"no clipping", `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":false,"timestep_spacing":"trailing"}`,
			process{prediction: "epsilon", schedule: linear, sampling: model.Defaults{Schedule: "trailing"}}},
		{"clipping elsewhere", `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample_range":3}`,
			process{prediction: "epsilon", schedule: linear}},
		{"a solver", `{"_class_name":"DPMSolverMultistepScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":true,"use_karras_sigmas":true,"timestep_spacing":"linspace"}`,
			process{prediction: "epsilon", schedule: linear, sampling: model.Defaults{Schedule: "karras"}}},
		{"v", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"prediction_type":"v_prediction"}`,
			process{prediction: "v", schedule: linear}},
		{"sample", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"prediction_type":"sample"}`,
			process{prediction: "x0", schedule: linear}},
		{"thresholding", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"thresholding":true,"sample_max_value":1.5}`,
			process{prediction: "epsilon", schedule: linear, sampling: model.Defaults{Threshold: "dynamic", Percentile: 0.995, ThresholdMax: 1.5}}},
		{"thresholding at a percentile", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"thresholding":true,"dynamic_thresholding_ratio":0.9,"sample_max_value":2}`,
			process{prediction: "epsilon", schedule: linear, sampling: model.Defaults{Threshold: "dynamic", Percentile: 0.9, ThresholdMax: 2}}},
		{"thresholding by 1", `{"beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"thresholding":true}`,
			process{prediction: "epsilon", schedule: linear, sampling: static}},
		{"trained", `{"trained_betas":[0.1,0.2]}`, process{prediction: "epsilon", schedule: &diffusion.Schedule{Kind: diffusion.Table, Betas: []float64{0.1, 0.2}}}},
		{"EDM", `{"_class_name":"EDMEulerScheduler","sigma_data":0.6,"sigma_min":0.01,"sigma_max":40,"prediction_type":"epsilon"}`,
			process{prediction: model.EDM, sigmaData: 0.6, sigmaMin: 0.01, sigmaMax: 40}},
		{"consistency", `{"_class_name":"CMStochasticIterativeScheduler","num_train_timesteps":40,"sigma_data":0.5,"sigma_max":80.0,"sigma_min":0.002,"clip_denoised":true}`,
			process{prediction: model.Consistency, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80, timeScale: 1000, sampling: static}},
		{"exploding", `{"_class_name":"ScoreSdeVeScheduler","sigma_min":0.02,"sigma_max":348,"num_train_timesteps":2000}`,
			process{prediction: "score", spec: &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: 0.02, SigmaMax: 348, Time: "sigma"}, sigmaMin: 0.02, sigmaMax: 348}},
		{"EDM v", `{"_class_name":"EDMEulerScheduler","prediction_type":"v_prediction"}`,
			process{prediction: model.EDM, negated: true, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80}},
		{"continuous times", `{"_class_name":"EulerDiscreteScheduler","beta_schedule":"linear","timestep_type":"continuous","prediction_type":"v_prediction","sigma_min":0.01,"sigma_max":700,"timestep_spacing":"leading"}`,
			process{prediction: model.EDM, negated: true, sigmaData: 1, sigmaMin: 0.01, sigmaMax: 700}},
		{"discrete times", `{"_class_name":"EulerDiscreteScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"timestep_type":"continuous"}`,
			process{prediction: "epsilon", schedule: linear}},
		{"clipping of Heun", `{"_class_name":"HeunDiscreteScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"clip_sample":true}`,
			process{prediction: "epsilon", schedule: linear, sampling: static}},
		{"infinity", `{"_class_name":"DPMSolverMultistepScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"num_train_timesteps":100,"lambda_min_clipped":-Infinity}`,
			process{prediction: "epsilon", schedule: linear}},
		{"flow sigmas", `{"_class_name":"UniPCMultistepScheduler","num_train_timesteps":1000,"beta_start":0.0001,"beta_end":0.02,"beta_schedule":"linear","prediction_type":"flow_prediction","use_flow_sigmas":true}`,
			process{prediction: "velocity", spec: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}, sigmaMin: 1.0 / 999, sigmaMax: 999, timeScale: 1000}},
		{"flow sigmas and ε", `{"_class_name":"DEISMultistepScheduler","beta_schedule":"linear","use_flow_sigmas":true}`,
			process{prediction: "epsilon", spec: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}, sigmaMin: 1.0 / 999, sigmaMax: 999, timeScale: 1000}},
		{"flow matching", `{"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":1000}`,
			process{prediction: "velocity", spec: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}, sigmaMin: 1.0 / 999, sigmaMax: 999, timeScale: 1000}},
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
		if noted := tt.want.sampling.Threshold != "" || strings.Contains(tt.json, "clip_sample_range"); noted != (len(got.notes) == 1) {
			t.Errorf("%s: notes are %q", tt.name, got.notes)
		}
		got.notes = nil
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

// TestZeroSNR compares with PyTorch 1.13, in float64:
//
//	a = torch.cumprod(1 - torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2, 0).sqrt()
//	a = (a - a[-1]) * a[0] / (a[0] - a[-1])
//	(1 / a ** 2 - 1).sqrt()[[0, 500, 998]]
func TestZeroSNR(t *testing.T) {
	p, err := parseScheduler([]byte(`{"_class_name":"DDIMScheduler","beta_schedule":"scaled_linear","beta_start":0.00085,"beta_end":0.012,"rescale_betas_zero_snr":true,"prediction_type":"v_prediction","clip_sample":false}`))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := diffusion.NewChain(*p.schedule)
	if err != nil {
		t.Fatal(err)
	}
	if chain.Steps() != 999 || len(p.notes) != 1 {
		t.Errorf("%d steps, notes are %q", chain.Steps(), p.notes)
	}
	for at, want := range map[int]float64{0: 0.0291671582, 500: 1.77455747, 998: 2254.23798} {
		if got := chain.Sigmas[at]; !(math.Abs(got/want-1) < 1e-6) {
			t.Errorf("level %d is %g, want %g", at, got, want)
		}
	}
}

// TestSchedulerUnusedSettings: settings of a scheduler that are not used are listed, unless
// they are off.
func TestSchedulerUnusedSettings(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`{"_class_name":"DDIMScheduler","_diffusers_version":"0.20","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"clip_sample":false,"steps_offset":1,"trained_betas":null,"variance_type":"fixed_small","skip_prk_steps":false}`, "steps_offset 1"},
		{`{"_class_name":"DDIMScheduler","beta_schedule":"linear","beta_start":0.001,"beta_end":0.01,"clip_sample":false,"steps_offset":0}`, ""},
		{`{"_class_name":"DPMSolverMultistepScheduler","beta_schedule":"linear","solver_order":3,"algorithm_type":"dpmsolver++","use_karras_sigmas":true}`, `algorithm_type "dpmsolver++", solver_order 3`},
		{`{"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":1000,"shift_terminal":0.02}`, "shift_terminal 0.02"},
		{`{"_class_name":"EDMEulerScheduler","rho":7.0,"num_train_timesteps":1000}`, "rho 7.0"},
	} {
		p, err := parseScheduler([]byte(tt.json))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"ignored settings of its scheduler, which concern only how it steps: " + tt.want}
		if tt.want == "" {
			want = nil
		}
		if !slices.Equal(p.notes, want) {
			t.Errorf("%s: notes are %q, want %q", tt.json, p.notes, want)
		}
	}
}

func TestParseSchedulerRefuses(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"array", `[1]`, "cannot unmarshal"},
		{"no chain", `{"_class_name":"KarrasVeScheduler"}`, `scheduler "KarrasVeScheduler" is not supported: it has no beta_schedule`},
		{"kind", `{"beta_schedule":"steep"}`, `beta_schedule must be linear, scaled_linear, squaredcos_cap_v2 or sigmoid (got "steep")`},
		{"prediction", `{"beta_schedule":"linear","prediction_type":"score"}`, `prediction_type must be epsilon, sample or v_prediction, or flow_prediction with use_flow_sigmas (got "score")`},
		{"EDM sample", `{"_class_name":"EDMEulerScheduler","prediction_type":"sample"}`, `prediction_type must be epsilon or v_prediction (got "sample")`},
		{"a chain and flow", `{"beta_schedule":"linear","prediction_type":"flow_prediction"}`, `flow_prediction with use_flow_sigmas`},
		{"flow and v", `{"beta_schedule":"linear","use_flow_sigmas":true,"prediction_type":"v_prediction"}`, `prediction_type must be flow_prediction, epsilon or sample with use_flow_sigmas (got "v_prediction")`},
		{"betas of another chain", `{"beta_schedule":"linear","trained_betas":[0.1,0.2],"num_train_timesteps":1000}`, "trained_betas has 2 numbers, but num_train_timesteps is 1000"},
		{"times", `{"_class_name":"EulerDiscreteScheduler","beta_schedule":"linear","timestep_type":"odd"}`, `timestep_type must be discrete or continuous (got "odd")`},
		{"shifted levels", `{"_class_name":"CogVideoXDDIMScheduler","beta_schedule":"scaled_linear","snr_shift_scale":3.0}`, "snr_shift_scale is 3.0"},
		{"inverted levels", `{"_class_name":"FlowMatchEulerDiscreteScheduler","invert_sigmas":true}`, "invert_sigmas is true"},
		{"no betas", `{"_class_name":"IPNDMScheduler","trained_betas":null}`, `scheduler "IPNDMScheduler" is not supported`},
		{"trained", `{"beta_schedule":"linear","trained_betas":[2]}`, "betas[0] must lie in (0, 1)"},
		{"zero SNR", `{"beta_schedule":"linear","rescale_betas_zero_snr":true,"num_train_timesteps":2}`, "rescale_betas_zero_snr must have at least 3 steps (got 2)"},
		{"percentile", `{"beta_schedule":"linear","thresholding":true,"dynamic_thresholding_ratio":2}`, "dynamic_thresholding_ratio must be in (0, 1] and sample_max_value at least 1 (got 2 and 1)"},
		{"maximum", `{"beta_schedule":"linear","thresholding":true,"sample_max_value":0.5}`, "must be in (0, 1] and sample_max_value at least 1 (got 0.995 and 0.5)"},
		{"learned variance", `{"_class_name":"DDPMScheduler","beta_schedule":"linear","variance_type":"learned"}`, `variance_type must be learned_range, which interpolates between the smallest and the largest variance, or a fixed one (got "learned")`},
		{"spacing", `{"beta_schedule":"linear","timestep_spacing":"odd"}`, `timestep_spacing must be leading, trailing or linspace (got "odd")`},
		{"steps", `{"beta_schedule":"linear","num_train_timesteps":-1}`, "-1"},
		{"steps of a table", `{"beta_schedule":"sigmoid","num_train_timesteps":1000000000}`, "num_train_timesteps must be 1 to 2^20 (got 1000000000)"},
		{"text", `{"beta_schedule":"linear","beta_start":"0.1"}`, "beta_start: "},
		{"range", `{"beta_schedule":"linear","beta_start":0.5,"beta_end":0.1}`, "0.1"},
		{"prediction number", `{"beta_schedule":"linear","prediction_type":1}`, "prediction_type: "},
	} {
		if _, err := parseScheduler([]byte(tt.json)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestSchedulerClasses: schedulers of distilled networks and unknown ones are named, and so are
// unknown settings.
func TestSchedulerClasses(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`{"_class_name":"LCMScheduler","beta_schedule":"scaled_linear"}`, "LCMScheduler"},
		{`{"_class_name":"TCDScheduler","num_train_timesteps":1000,"beta_start":0.00085,"beta_end":0.012,"beta_schedule":"scaled_linear","prediction_type":"epsilon"}`, "TCDScheduler"},
		{`{"_class_name":"FlowMatchLCMScheduler"}`, "FlowMatchLCMScheduler"},
		{`{"_class_name":"TomorrowScheduler","beta_schedule":"linear"}`, "its scheduler TomorrowScheduler is not known"},
		{`{"_class_name":"PNDMScheduler","beta_schedule":"linear","magic":3,"nothing":null}`, "unknown settings of its scheduler, which are passed over: magic 3"},
		{`{"_class_name":"FlaxPNDMScheduler","beta_schedule":"linear"}`, ""},
	} {
		p, err := parseScheduler([]byte(tt.json))
		if err != nil {
			t.Fatalf("%s: %v", tt.json, err)
		}
		if text := strings.Join(append(p.notes, p.assumed...), "; "); !strings.Contains(text, tt.want) || tt.want == "" && text != "" {
			t.Errorf("%s: got %q, want %q", tt.json, text, tt.want)
		}
	}
}

// TestContinuousV: a network that predicts v at continuous times predicts −F, so that its last
// convolution changes its sign: D = x/(σ²+1) − σ/√(σ²+1)·v.
func TestContinuousV(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	ck, err := Read(write(t, map[string][]byte{
		configName: config, weightsName: encode(t, tensors),
		schedulerName: []byte(`{"_class_name":"EulerDiscreteScheduler","beta_schedule":"scaled_linear","timestep_type":"continuous","prediction_type":"v_prediction","sigma_max":700.0,"sigma_min":0.002}`),
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	for _, v := range tensors {
		want, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		sign := float32(1)
		if strings.HasPrefix(v.Name, "conv_out.") {
			sign = -1
		}
		for i, got := range ck.Model.Params().Named(v.Name) {
			if got != sign*want[i] {
				t.Fatalf("%s[%d] is %g, want %g", v.Name, i, got, sign*want[i])
			}
		}
	}
	c := ck.Model.Config()
	p, err := c.Parametrization()
	if err != nil {
		t.Fatal(err)
	}
	k, err := p.Coefficients(3)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string][2]float64{
		"c_skip": {float64(k.CSkip), 0.1}, "c_out": {float64(k.COut), 3 / math.Sqrt(10)}, "c_in": {float64(k.CIn), 1 / math.Sqrt(10)}, "c_noise": {float64(k.CNoise), math.Log(3) / 4},
	} {
		if !(math.Abs(v[0]-v[1]) < 1e-6) {
			t.Errorf("%s is %g, want %g", name, v[0], v[1])
		}
	}
}

// TestLearnedVariance: a scheduler of a learned variance needs a network that predicts it.
func TestLearnedVariance(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	_, err := Read(write(t, map[string][]byte{
		configName: config, weightsName: encode(t, tensors), schedulerName: []byte(`{"_class_name":"DDPMScheduler","beta_schedule":"linear","variance_type":"learned_range"}`),
	}), Options{})
	if want := `variance_type is "learned_range", but the network does not predict a variance`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}
