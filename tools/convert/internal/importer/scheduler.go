package importer

import (
	"encoding/json"
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// process is what a scheduler's configuration says about how a network was
// trained. How diffusers would sample from it is not read.
type process struct {
	prediction         string
	schedule           *diffusion.Schedule // with model.Epsilon
	sigmaData          float64             // with model.EDM
	sigmaMin, sigmaMax float64
}

// schedules maps beta_schedule to kinds of this program: linear is Ho et al. 2020,
// squaredcos_cap_v2 is Nichol & Dhariwal 2021.
var schedules = map[string]string{
	"linear":            diffusion.Linear,
	"squaredcos_cap_v2": diffusion.Cosine,
}

// parseScheduler reads diffusers' scheduler_config.json: any scheduler on a chain
// of β, and the two with Karras et al. 2022's preconditioning. No data means Ho et
// al.'s chain.
func parseScheduler(data []byte) (process, error) {
	if data == nil {
		data = []byte(`{"beta_schedule": "linear"}`)
	}
	members, err := parseObject(data)
	if err != nil {
		return process{}, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return process{}, err
	}
	switch {
	case class == "EDMEulerScheduler" || class == "EDMDPMSolverMultistepScheduler":
		return parseEDM(members)
	case members["beta_schedule"] == nil:
		return process{}, fmt.Errorf("scheduler %q has no beta_schedule, need one on a chain of β or with EDM's preconditioning", class)
	}
	return parseChain(members)
}

func parseChain(members map[string]json.RawMessage) (process, error) {
	kind, prediction := "", "epsilon"
	s := &diffusion.Schedule{Steps: 1000, BetaStart: 1e-4, BetaEnd: 0.02}
	var betas []float64
	var zeroSNR bool
	for name, to := range map[string]any{
		"beta_schedule": &kind, "prediction_type": &prediction, "num_train_timesteps": &s.Steps, "beta_start": &s.BetaStart,
		"beta_end": &s.BetaEnd, "trained_betas": &betas, "rescale_betas_zero_snr": &zeroSNR,
	} {
		if err := member(members, name, to); err != nil {
			return process{}, err
		}
	}
	if prediction != "epsilon" {
		return process{}, fmt.Errorf("prediction_type is %q, need epsilon", prediction)
	}
	if betas != nil {
		return process{}, fmt.Errorf("trained_betas holds %d numbers, need a beta_schedule alone", len(betas))
	}
	if zeroSNR {
		return process{}, fmt.Errorf("rescale_betas_zero_snr is true, need false: the last noise level would be infinite")
	}
	if s.Kind = schedules[kind]; s.Kind == "" {
		return process{}, fmt.Errorf("beta_schedule is %q, need linear or squaredcos_cap_v2", kind)
	}
	if s.Kind == diffusion.Cosine {
		s.BetaStart, s.BetaEnd = 0, 0 // the cosine schedule has none
	}
	chain, err := diffusion.NewChain(*s)
	if err != nil {
		return process{}, err
	}
	lowest, highest := chain.SigmaRange()
	return process{prediction: model.Epsilon, schedule: s, sigmaMin: float64(lowest), sigmaMax: float64(highest)}, nil
}

// parseEDM reads a scheduler that preconditions as Karras et al. 2022, Table 1:
// in diffusers the network is F itself, and prediction_type "epsilon" is the sign
// of c_out there.
func parseEDM(members map[string]json.RawMessage) (process, error) {
	p := process{prediction: model.EDM, sigmaData: 0.5, sigmaMin: 0.002, sigmaMax: 80}
	prediction := "epsilon"
	for name, to := range map[string]any{
		"prediction_type": &prediction, "sigma_data": &p.sigmaData, "sigma_min": &p.sigmaMin, "sigma_max": &p.sigmaMax,
	} {
		if err := member(members, name, to); err != nil {
			return process{}, err
		}
	}
	if prediction != "epsilon" {
		return process{}, fmt.Errorf("prediction_type is %q, need epsilon", prediction)
	}
	return p, nil
}
