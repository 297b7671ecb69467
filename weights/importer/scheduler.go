package importer

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// process is how a network was trained: on a chain, with a continuous process, or with the
// preconditioning of Karras et al. 2022. It includes those settings of another program's
// sampler that are used here too.
type process struct {
	prediction         string
	schedule           *diffusion.Schedule
	spec               *diffusion.Spec
	sigmaData          float64 // with model.EDM
	sigmaMin, sigmaMax float64 // 0: the chain's
	timeScale          float64
	negated            bool           // the network's output is −F of model.EDM
	variance           string         // what the scheduler says of the network's variance
	sampling           model.Defaults // threshold, schedule and sampler
	notes              []string       // for people
	assumed            []string
}

// predictions maps diffusers' prediction_type to this program's predictions.
var predictions = map[string]diffusion.Prediction{
	"epsilon": diffusion.PredictEpsilon, "sample": diffusion.PredictX0, "v_prediction": diffusion.PredictV,
}

// parseScheduler reads diffusers' scheduler_config.json: any scheduler on a chain of β, those
// of rectified flow, the two with the preconditioning of Karras et al. 2022, that of
// consistency models, and that of the variance-exploding process.
func parseScheduler(data []byte) (process, error) {
	members, err := parseObject(data)
	if err != nil {
		return process{}, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return process{}, err
	}
	class = strings.TrimPrefix(class, "Flax")
	parse := parseChain
	switch {
	case class == "EDMEulerScheduler" || class == "EDMDPMSolverMultistepScheduler":
		parse = parseEDM
	case class == "CMStochasticIterativeScheduler":
		parse = parseConsistency
	case class == "ScoreSdeVeScheduler":
		parse = parseExplodingSDE
	case class == "FlowMatchEulerDiscreteScheduler" || class == "FlowMatchHeunDiscreteScheduler" || class == "FlowMatchLCMScheduler":
		parse = parseShiftedFlow
	case !given(members, "beta_schedule") && !given(members, "trained_betas"):
		return process{}, fmt.Errorf("scheduler %q is not supported: it has no beta_schedule; supported are those with a chain of β, of rectified flow, of the variance-exploding process, of consistency models and with EDM's preconditioning", class)
	case given(members, "use_flow_sigmas"):
		parse = parseFlowSigmas
	case given(members, "timestep_type") && string(members["timestep_type"]) != `"discrete"`:
		parse = parseContinuous
	}
	for _, name := range otherProcess {
		if given(members, name) {
			return process{}, fmt.Errorf("%s is %.40s, which changes the noise levels in a way that is not supported", name, members[name])
		}
	}
	p, err := parse(members)
	if err != nil {
		return process{}, err
	}
	p.ofClass(class)
	p.passOver(members)
	return p, nil
}

// otherProcess are settings of schedulers that change the process that the network knows.
var otherProcess = []string{"snr_shift_scale", "invert_sigmas"}

func parseChain(members map[string]json.RawMessage) (process, error) {
	kind, prediction, steps, start, end := "linear", "epsilon", 1000, 1e-4, 0.02
	var betas []float64
	var zeroSNR bool
	var scale float64 // written by tweedie export
	err := read(members, map[string]any{
		"beta_schedule": &kind, "prediction_type": &prediction, "beta_start": &start,
		"beta_end": &end, "trained_betas": &betas, "rescale_betas_zero_snr": &zeroSNR, "time_scale": &scale,
	})
	if err == nil {
		err = member(members, "num_train_timesteps", &steps)
	}
	if err != nil {
		return process{}, err
	}
	what, ok := predictions[prediction]
	if !ok {
		return process{}, fmt.Errorf("prediction_type must be epsilon, sample or v_prediction, or flow_prediction with use_flow_sigmas (got %q)", prediction)
	}
	if n, given := members["num_train_timesteps"]; given && betas != nil && len(betas) != steps {
		return process{}, fmt.Errorf("trained_betas has %d numbers, but num_train_timesteps is %s", len(betas), n)
	}
	p := process{prediction: string(what), timeScale: scale}
	if err := p.sampledBy(members); err != nil {
		return process{}, err
	}
	if betas != nil {
		p.schedule = &diffusion.Schedule{Kind: diffusion.Table, Betas: betas}
	} else if p.schedule, err = schedule(kind, steps, start, end); err != nil {
		return process{}, err
	}
	if zeroSNR {
		if err := p.zeroSNR(); err != nil {
			return process{}, err
		}
	}
	return p, p.bounds()
}

// schedule returns the chain for diffusers' beta_schedule.
func schedule(kind string, steps int, start, end float64) (*diffusion.Schedule, error) {
	if steps < 1 || steps > 1<<20 {
		return nil, fmt.Errorf("num_train_timesteps must be 1 to 2^20 (got %d)", steps)
	}
	var beta func(u float64) float64 // for u from 0 to 1
	switch kind {
	case "linear":
		return &diffusion.Schedule{Kind: diffusion.Linear, Steps: steps, BetaStart: start, BetaEnd: end}, nil
	case "squaredcos_cap_v2": // Nichol & Dhariwal 2021; beta_start and beta_end do not apply
		return &diffusion.Schedule{Kind: diffusion.Cosine, Steps: steps}, nil
	case "scaled_linear": // Rombach et al. 2022, arXiv:2112.10752: √β is linear
		beta = func(u float64) float64 {
			root := math.Sqrt(start) + float64(u*(math.Sqrt(end)-math.Sqrt(start)))
			return root * root
		}
	case "sigmoid": // Xu et al. 2022, arXiv:2203.02923 (GeoDiff)
		beta = func(u float64) float64 { return start + (end-start)/(1+math.Exp(6-12*u)) }
	default:
		return nil, fmt.Errorf("beta_schedule must be linear, scaled_linear, squaredcos_cap_v2 or sigmoid (got %q)", kind)
	}
	s := &diffusion.Schedule{Kind: diffusion.Table, Betas: make([]float64, steps)}
	for t := range s.Betas {
		s.Betas[t] = beta(float64(t) / float64(max(steps-1, 1)))
	}
	return s, nil
}

// parseEDM reads a scheduler with the preconditioning of Karras et al. 2022, Table 1. In
// diffusers the network is F itself for prediction_type epsilon, and −F for v_prediction.
func parseEDM(members map[string]json.RawMessage) (process, error) {
	p := process{prediction: model.EDM, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80}
	prediction := "epsilon"
	err := read(members, map[string]any{
		"prediction_type": &prediction, "sigma_data": &p.sigmaData, "sigma_min": &p.sigmaMin, "sigma_max": &p.sigmaMax,
		"time_scale": &p.timeScale,
	})
	if err == nil && prediction != "epsilon" && prediction != "v_prediction" {
		err = fmt.Errorf("prediction_type must be epsilon or v_prediction (got %q)", prediction)
	}
	p.negated = prediction == "v_prediction"
	return p, err
}

// consistency2023 is how consistency models are trained (Song et al. 2023, arXiv:2303.01469,
// appendix C). In their authors' programs the network's time input is 1000·c_noise.
var consistency2023 = process{prediction: model.Consistency, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80, timeScale: 1000}

func parseConsistency(members map[string]json.RawMessage) (process, error) {
	p, clip := consistency2023, true
	err := read(members, map[string]any{"sigma_data": &p.sigmaData, "sigma_min": &p.sigmaMin, "sigma_max": &p.sigmaMax, "clip_denoised": &clip})
	if clip {
		p.sampling.Threshold = "static"
		p.note("denoised images are clipped to the range of pixels, as by its scheduler")
	}
	return p, err
}

// diffusersVE is the variance-exploding process of Song et al. 2021 as diffusers implements it:
// the network's time input is σ, and it predicts the score.
func diffusersVE(low, high float64) convention {
	return convention{process{
		prediction: string(diffusion.PredictScore), spec: &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: low, SigmaMax: high, Time: "sigma"},
		sigmaMin: low, sigmaMax: high,
	}, fmt.Sprintf("the network predicts the score of the variance-exploding process, σ from %g to %g", low, high)}
}

func parseExplodingSDE(members map[string]json.RawMessage) (process, error) {
	low, high := 0.01, 1348.0
	err := read(members, map[string]any{"sigma_min": &low, "sigma_max": &high})
	return diffusersVE(low, high).process, err
}

// parseShiftedFlow is parseFlowMatching with the shift of the scheduler's noise levels.
func parseShiftedFlow(members map[string]json.RawMessage) (process, error) {
	p, err := parseFlowMatching(members)
	if err != nil {
		return process{}, err
	}
	return p, p.shiftedBy(members)
}

// parseFlowMatching reads a scheduler of rectified flow (Lipman et al. 2023, arXiv:2210.02747):
// the network predicts ε − x₀ at t from 0 to num_train_timesteps. The noise levels are those of
// the first and of the last but one of its steps.
func parseFlowMatching(members map[string]json.RawMessage) (process, error) {
	steps := 1000
	if err := member(members, "num_train_timesteps", &steps); err != nil {
		return process{}, err
	}
	if steps < 3 || steps > 1<<20 {
		return process{}, fmt.Errorf("num_train_timesteps must be 3 to 2^20 (got %d)", steps)
	}
	n := float64(steps)
	return process{
		prediction: string(diffusion.PredictVelocity), spec: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow},
		sigmaMin: 1 / (n - 1), sigmaMax: n - 1, timeScale: n,
	}, nil
}
