package importer

import (
	"encoding/json"
	"slices"
	"strings"

	"tweedie/core/sampler"
)

// chainSchedulers are the classes of diffusers' schedulers on a chain of β, without Scheduler.
var chainSchedulers = []string{
	"DDPM", "DDPMParallel", "DDIM", "DDIMInverse", "DDIMParallel", "PNDM", "LMSDiscrete", "EulerDiscrete", "EulerAncestralDiscrete",
	"HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete", "DPMSolverMultistep", "DPMSolverMultistepInverse", "DPMSolverSinglestep",
	"DPMSolverSDE", "DEISMultistep", "UniPCMultistep", "SASolver", "RePaint",
}

// distilled are the schedulers of networks that were distilled for few steps: their samplers
// here, and what they are.
var distilled = map[string]struct{ sampler, title string }{
	"LCM":          {"lcm", "latent consistency distillation"},
	"TCD":          {"tcd", "trajectory consistency distillation"},
	"FlowMatchLCM": {"lcm", "latent consistency distillation"},
}

// distilledSteps is the usual number of steps of a distilled network.
const distilledSteps = 4

// ofClass adds what the class of a scheduler says of a network.
func (p *process) ofClass(class string) {
	name := strings.TrimSuffix(class, "Scheduler")
	d, ok := distilled[name]
	switch {
	case ok && slices.ContainsFunc(slices.Concat(sampler.Methods, sampler.Special), func(m sampler.Method) bool { return m.Name == d.sampler }):
		p.sampling.Sampler, p.sampling.Steps = d.sampler, distilledSteps
		if p.schedule != nil {
			p.sampling.Schedule = sampler.KindTrailing // from the noisiest step on, whatever timestep_spacing says
		}
		p.note("its scheduler is %s: the network is made for few steps, and sampler %s is its default", class, d.sampler)
	case ok:
		p.assumed = append(p.assumed, class+" is the scheduler of a network made for few steps by "+d.title+", whose sampling this program does not have: it is sampled as an ordinary network")
	case p.schedule != nil && class != "" && !slices.Contains(chainSchedulers, name):
		p.assumed = append(p.assumed, "its scheduler "+class+" is not known: it is read as a chain of β like DDPMScheduler")
	}
}

// stepping are settings that concern only how a scheduler steps, not how the network was
// trained.
var stepping = []string{
	"algorithm_type", "base_image_seq_len", "base_shift", "corrector_order", "correct_steps", "disable_corrector", "eta", "euler_at_final",
	"final_sigmas_type", "flow_shift", "interpolation_type", "lambda_min_clipped", "lower_order_final", "max_image_seq_len", "max_shift",
	"noise_sampler_seed", "original_inference_steps", "predict_x0", "predictor_order", "rho", "s_noise", "sampling_eps", "set_alpha_to_one",
	"shift", "shift_terminal", "sigma_max", "sigma_min", "sigma_schedule", "skip_prk_steps", "snr", "solver_order", "solver_p", "solver_type",
	"steps_offset", "stochastic_sampling", "tau_func", "time_shift_type", "timestep_scaling", "timestep_type", "use_beta_sigmas",
	"use_dynamic_shifting", "use_exponential_sigmas", "use_karras_sigmas", "use_lu_lambdas", "variance_type",
	"clip_sample", "clip_sample_range", "dynamic_thresholding_ratio", "sample_max_value", "timestep_spacing", "thresholding", "final_sigma_type", "rescale_betas_zero_snr",
}

// passOver notes the settings of a scheduler that were not read and are on.
func (p *process) passOver(members map[string]json.RawMessage) {
	steps, others := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, v := range members {
		switch {
		case name == "num_train_timesteps":
		case slices.Contains(stepping, name):
			steps[name] = v
		default:
			others[name] = v
		}
	}
	if ignored := unused(steps); ignored != nil {
		p.note("ignored settings of its scheduler, which concern only how it steps: %s", strings.Join(ignored, ", "))
	}
	if ignored := unused(others); ignored != nil {
		p.note("unknown settings of its scheduler, which are passed over: %s", strings.Join(ignored, ", "))
	}
}
