package importer

import (
	"encoding/json"
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/sampler"
)

// parseFlowSigmas reads a scheduler of a chain whose use_flow_sigmas replaces the chain by
// rectified flow: the network's time input is t·num_train_timesteps, and the settings of β do
// not matter.
func parseFlowSigmas(members map[string]json.RawMessage) (process, error) {
	prediction := "epsilon"
	var unused any
	err := read(members, map[string]any{
		"prediction_type": &prediction, "use_flow_sigmas": &unused, "beta_schedule": &unused, "beta_start": &unused, "beta_end": &unused, "trained_betas": &unused,
	})
	if err != nil {
		return process{}, err
	}
	p, err := parseFlowMatching(members)
	if err != nil {
		return process{}, err
	}
	switch what, ok := predictions[prediction]; {
	case prediction == "flow_prediction": // ε − x₀, as p
	case ok && what != diffusion.PredictV:
		p.prediction = string(what)
	default:
		return process{}, fmt.Errorf("prediction_type must be flow_prediction, epsilon or sample with use_flow_sigmas (got %q)", prediction)
	}
	if err := p.sampledBy(members); err != nil {
		return process{}, err
	}
	switch p.sampling.Schedule { // of a chain's steps, which this process does not have
	case sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace:
		p.sampling.Schedule = ""
	}
	return p, p.shiftedBy(members)
}

// parseContinuous reads an EulerDiscreteScheduler whose timestep_type is continuous: with
// v_prediction the network's time input is ln(σ)/4 and its output −F of the preconditioning of
// Karras et al. 2022 with σ_data = 1. With other predictions the times are those of the chain.
func parseContinuous(members map[string]json.RawMessage) (process, error) {
	var kind, prediction string
	low, high := 0.0, 0.0
	err := read(members, map[string]any{"timestep_type": &kind})
	if err == nil {
		err = member(members, "prediction_type", &prediction)
	}
	switch {
	case err != nil:
		return process{}, err
	case kind != "continuous":
		return process{}, fmt.Errorf("timestep_type must be discrete or continuous (got %q)", kind)
	case prediction != "v_prediction":
		return parseChain(members)
	}
	if err := read(members, map[string]any{"sigma_min": &low, "sigma_max": &high}); err != nil {
		return process{}, err
	}
	chain, err := parseChain(members)
	if err != nil {
		return process{}, err
	}
	p := process{prediction: model.EDM, negated: true, sigmaData: 1, sigmaMin: chain.sigmaMin, sigmaMax: chain.sigmaMax, sampling: chain.sampling, notes: chain.notes}
	switch p.sampling.Schedule { // of a chain's steps, which this process does not have
	case sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace:
		p.sampling.Schedule = ""
	}
	if low != 0 {
		p.sigmaMin = low
	}
	if high != 0 {
		p.sigmaMax = high
	}
	return p, nil
}
