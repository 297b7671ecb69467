package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// process is how a network was trained: on a chain, a continuous process, or with
// Karras et al. 2022's preconditioning; and of how another program would sample from it
// what holds here too.
type process struct {
	prediction         string
	schedule           *diffusion.Schedule
	spec               *diffusion.Spec
	sigmaData          float64 // with model.EDM
	sigmaMin, sigmaMax float64 // 0: the chain's
	timeScale          float64
	sampling           model.Defaults // threshold and schedule
	notes              []string       // what is said of it
}

// predictions maps diffusers' prediction_type to predictions of this program.
var predictions = map[string]diffusion.Prediction{
	"epsilon": diffusion.PredictEpsilon, "sample": diffusion.PredictX0, "v_prediction": diffusion.PredictV,
	"flow_prediction": diffusion.PredictVelocity,
}

// parseScheduler reads diffusers' scheduler_config.json: any scheduler on a chain
// of β, those of straight paths, the two with Karras et al. 2022's preconditioning,
// that of consistency models, and the variance-exploding process.
func parseScheduler(data []byte) (process, error) {
	members, err := parseObject(data)
	if err != nil {
		return process{}, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return process{}, err
	}
	parse := parseChain
	switch {
	case class == "EDMEulerScheduler" || class == "EDMDPMSolverMultistepScheduler":
		parse = parseEDM
	case class == "CMStochasticIterativeScheduler":
		parse = parseConsistency
	case class == "ScoreSdeVeScheduler":
		parse = parseExplodingSDE
	case class == "FlowMatchEulerDiscreteScheduler" || class == "FlowMatchHeunDiscreteScheduler":
		parse = parseStraight
	case members["beta_schedule"] == nil && members["trained_betas"] == nil:
		return process{}, fmt.Errorf("scheduler %q has no beta_schedule, need one on a chain of β, on straight paths, of the variance-exploding process, of consistency models or with EDM's preconditioning", class)
	}
	p, err := parse(members)
	if left := unread(members); err == nil && left != nil {
		p.note("left of its scheduler, as samplers here step in their own ways: %s", strings.Join(left, ", "))
	}
	return p, err
}

// read takes members by name, which members then no longer has, into what keeps its value
// where there is none.
func read(members map[string]json.RawMessage, into map[string]any) error {
	for name, to := range into {
		if err := member(members, name, to); err != nil {
			return err
		}
		delete(members, name)
	}
	return nil
}

// unread lists the settings that nobody took and that are not off, none of which changes
// what the network was trained on.
func unread(members map[string]json.RawMessage) []string {
	var left []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		off := slices.Contains([]string{"null", "false", "0", "0.0", `""`, "[]"}, string(members[name]))
		if !off && !strings.HasPrefix(name, "_") && name != "num_train_timesteps" {
			left = append(left, fmt.Sprintf("%s %.40s", name, members[name]))
		}
	}
	return left
}

func parseChain(members map[string]json.RawMessage) (process, error) {
	kind, prediction, steps, start, end := "linear", "epsilon", 1000, 1e-4, 0.02
	var betas []float64
	var zeroSNR bool
	var scale float64 // a key of this program's export
	err := read(members, map[string]any{
		"beta_schedule": &kind, "prediction_type": &prediction, "num_train_timesteps": &steps, "beta_start": &start,
		"beta_end": &end, "trained_betas": &betas, "rescale_betas_zero_snr": &zeroSNR, "time_scale": &scale,
	})
	if err != nil {
		return process{}, err
	}
	what, ok := predictions[prediction]
	if !ok {
		return process{}, fmt.Errorf("prediction_type is %q, need epsilon, sample, v_prediction or flow_prediction", prediction)
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

// schedule returns the chain of diffusers' beta_schedule.
func schedule(kind string, steps int, start, end float64) (*diffusion.Schedule, error) {
	if steps < 1 || steps > 1<<20 {
		return nil, fmt.Errorf("num_train_timesteps is %d, need 1 to 2^20", steps)
	}
	var beta func(u float64) float64 // for u from 0 to 1
	switch kind {
	case "linear":
		return &diffusion.Schedule{Kind: diffusion.Linear, Steps: steps, BetaStart: start, BetaEnd: end}, nil
	case "squaredcos_cap_v2": // Nichol & Dhariwal 2021, which has no ends
		return &diffusion.Schedule{Kind: diffusion.Cosine, Steps: steps}, nil
	case "scaled_linear": // Rombach et al. 2022, arXiv:2112.10752: √β is linear
		beta = func(u float64) float64 {
			root := math.Sqrt(start) + float64(u*(math.Sqrt(end)-math.Sqrt(start)))
			return root * root
		}
	case "sigmoid": // Xu et al. 2022, arXiv:2203.02923 (GeoDiff)
		beta = func(u float64) float64 { return start + (end-start)/(1+math.Exp(6-12*u)) }
	default:
		return nil, fmt.Errorf("beta_schedule is %q, need linear, scaled_linear, squaredcos_cap_v2 or sigmoid", kind)
	}
	s := &diffusion.Schedule{Kind: diffusion.Table, Betas: make([]float64, steps)}
	for t := range s.Betas {
		s.Betas[t] = beta(float64(t) / float64(max(steps-1, 1)))
	}
	return s, nil
}

// parseEDM reads a scheduler that preconditions as Karras et al. 2022, Table 1:
// in diffusers the network is F itself, and prediction_type "epsilon" is the sign
// of c_out there.
func parseEDM(members map[string]json.RawMessage) (process, error) {
	p := process{prediction: model.EDM, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80}
	prediction := "epsilon"
	err := read(members, map[string]any{
		"prediction_type": &prediction, "sigma_data": &p.sigmaData, "sigma_min": &p.sigmaMin, "sigma_max": &p.sigmaMax,
		"time_scale": &p.timeScale,
	})
	if err == nil && prediction != "epsilon" {
		err = fmt.Errorf("prediction_type is %q, need epsilon", prediction)
	}
	return p, err
}

// consistency2023 is how consistency models are trained (Song et al. 2023, arXiv:2303.01469,
// appendix C); their authors' programs tell the network a thousand times c_noise.
var consistency2023 = process{prediction: model.Consistency, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80, timeScale: 1000}

func parseConsistency(members map[string]json.RawMessage) (process, error) {
	p, clip := consistency2023, true
	err := read(members, map[string]any{"sigma_data": &p.sigmaData, "sigma_min": &p.sigmaMin, "sigma_max": &p.sigmaMax, "clip_denoised": &clip})
	if clip {
		p.sampling.Threshold = "static"
		p.note("its scheduler clips denoised images to the range of pixels: so does the model")
	}
	return p, err
}

// explodingSDE is the variance-exploding process of Song et al. 2021, as diffusers has it: the
// network is told σ and predicts the score.
func explodingSDE(low, high float64) origin {
	return origin{process{
		prediction: string(diffusion.PredictScore), spec: &diffusion.Spec{Kind: diffusion.KindVE, SigmaMin: low, SigmaMax: high, Time: "sigma"},
		sigmaMin: low, sigmaMax: high,
	}, fmt.Sprintf("the network predicts the score of the variance-exploding process, σ from %g to %g", low, high)}
}

func parseExplodingSDE(members map[string]json.RawMessage) (process, error) {
	low, high := 0.01, 1348.0
	err := read(members, map[string]any{"sigma_min": &low, "sigma_max": &high})
	return explodingSDE(low, high).process, err
}

// parseStraight reads a scheduler of straight paths (Lipman et al. 2023,
// arXiv:2210.02747): the network predicts ε − x₀ at t from 0 to num_train_timesteps.
// The levels are those of the first and the last but one of its steps.
func parseStraight(members map[string]json.RawMessage) (process, error) {
	steps := 1000
	if err := read(members, map[string]any{"num_train_timesteps": &steps}); err != nil {
		return process{}, err
	}
	if steps < 3 || steps > 1<<20 {
		return process{}, fmt.Errorf("num_train_timesteps is %d, need 3 to 2^20", steps)
	}
	n := float64(steps)
	return process{
		prediction: string(diffusion.PredictVelocity), spec: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow},
		sigmaMin: 1 / (n - 1), sigmaMax: n - 1, timeScale: n,
	}, nil
}
