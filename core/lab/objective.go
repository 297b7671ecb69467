package lab

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/train"
)

// Objective is a training objective with its process and network input.
type Objective struct {
	Name, About string
	Low, High   float32 // range of noise levels; both 0 for an objective that learns the score without noise

	parametrization diffusion.Parametrization
	scale           float32 // factor of c_noise
	loss            train.Loss
	directions      int // directions of a network with tangents, else 0
}

// Objectives returns them all.
func Objectives() []Objective {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000})
	if err != nil {
		panic(err) // the schedule of Ho et al. is valid
	}
	vp := &diffusion.Spec{Kind: diffusion.KindVP}
	smld := &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.05, SigmaMax: 5, Levels: 10}
	gamma := &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: train.LinearGamma(0.05, 10)}
	edm := diffusion.EDM{SigmaData: 0.55}
	karras := train.EDMLoss{PMean: -1, PStd: 1.2, SigmaData: 0.55}
	const one = 0.1 // level of denoising score matching
	list := []Objective{
		implicit("implicit", "the exact trace of the network's Jacobian (Hyvärinen 2005)", train.ISM{Channels: 2}, 2),
		implicit("sliced", "one random direction instead of the trace (Song 2019)", train.SSM{Channels: 2}, 1),
		implicit("sliced-3", "three random directions instead of the trace", train.SSM{Channels: 2}, 3),
		implicit("sliced-reduced", "one random direction, with the exact second term: SSM-VR (Song 2019)", train.SSM{Channels: 2, Reduced: true}, 1),
		regression("denoising", "one noise level, 0.1 (Vincent 2011)", train.DSM{Level: one}, edm, 100, one, one),
		regression("ncsn", "a weighted sum over ten noise levels (Song & Ermon 2019)", train.NewNCSN(diffusion.ProcessOf(*smld).(diffusion.SMLD)), diffusion.Predictor{Prediction: diffusion.PredictScaledScore, Input: smld}, 30, 0.05, 5),
		regression("simple", "L_simple on a chain of 1000 steps (Ho 2020)", train.LSimple{Chain: chain}, diffusion.Epsilon{Chain: chain}, 1, 0.02, 100),
		regression("vp", "L_simple in continuous time (Song 2021)", train.Continuous{Process: diffusion.ProcessOf(*vp), First: 1e-3, Last: 1}, diffusion.Predictor{Prediction: diffusion.PredictEpsilon, Input: vp}, 1, 0.02, 100),
		regression("vdm", "the variational bound in continuous time (Kingma 2021)", train.VDM{Process: diffusion.Variational{Gamma: gamma.Gamma}}, diffusion.Predictor{Prediction: diffusion.PredictEpsilon, Input: gamma}, 30, 0.05, 10),
		regression("edm", "ln σ normally distributed, errors weighted to equal size (Karras 2022)", karras, edm, 100, 0.02, 20),
		regression("min-snr", "the levels of edm, weighted by min(1/σ², 5) (Hang 2023)", train.MinSNR{Objective: karras, Gamma: 5}, edm, 100, 0.02, 20),
		regression("flow", "flow matching: the velocity of straight paths (Lipman 2023)", train.FlowMatching{}, diffusion.Predictor{Prediction: diffusion.PredictVelocity, Input: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}}, 1000, 0.02, 20),
	}
	return list
}

func implicit(name, about string, loss train.Loss, directions int) Objective {
	return Objective{Name: name, About: about, loss: loss, directions: directions}
}

func regression(name, about string, of train.Objective, predicts diffusion.Parametrization, scale, low, high float32) Objective {
	levels := train.Range{Min: low, Max: high}
	if _, ok := predicts.(diffusion.EDM); !ok {
		levels = train.Range{Max: math.MaxFloat32} // the process limits them
	}
	return Objective{
		Name: name, About: about, Low: low, High: high, parametrization: predicts, scale: scale,
		loss: &train.Regression{Objective: of, Parametrization: predicts, Levels: levels},
	}
}

// ScoreLevels returns the noise levels at which the learned score is compared with the
// exact one: levels from the width of the components on.
func (o *Objective) ScoreLevels() []float32 {
	switch {
	case o.High == 0:
		return []float32{0}
	case o.Low == o.High:
		return []float32{o.Low}
	case o.Name == "ncsn":
		return []float32{0.387, 1.794} // two of the ten levels
	}
	return []float32{0.4, 1, 5}
}
