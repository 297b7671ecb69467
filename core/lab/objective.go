package lab

import (
	"math"

	"tweedie/core/diffusion"
	"tweedie/core/train"
)

// Objective is a way to learn a law.
type Objective struct {
	Name, About string
	Low, High   float32 // noise levels that it teaches; both 0 if it teaches the law's own score alone

	predicts   diffusion.Parametrisation
	scale      float32 // of c_noise
	loss       train.Loss
	directions int // of a network with tangents
}

// Objectives returns them all.
func Objectives() []Objective {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000})
	if err != nil {
		panic(err) // the schedule of Ho et al. stands up
	}
	vp := &diffusion.Spec{Kind: diffusion.KindVP}
	smld := &diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.05, SigmaMax: 5, Levels: 10}
	gamma := &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: train.LinearGamma(0.05, 10)}
	edm := diffusion.EDM{SigmaData: 0.55}
	karras := train.EDMLoss{PMean: -1, PStd: 1.2, SigmaData: 0.55}
	const one = 0.1 // level of denoising score matching
	list := []Objective{
		implicit("implicit", "the exact trace of the network's Jacobian (Hyvärinen 2005)", train.ISM{Channels: 2}, 2),
		implicit("sliced", "one random direction in place of the trace (Song 2019)", train.SSM{Channels: 2}, 1),
		implicit("sliced-3", "three of them", train.SSM{Channels: 2}, 3),
		implicit("sliced-reduced", "with the part that is known unsliced: SSM-VR (Song 2019)", train.SSM{Channels: 2, Reduced: true}, 1),
		regression("denoising", "one noise level, 0.1 (Vincent 2011)", train.DSM{Level: one}, edm, 100, one, one),
		regression("ncsn", "the weighted sum over ten levels (Song & Ermon 2019)", train.NewNCSN(diffusion.ProcessOf(*smld).(diffusion.SMLD)), diffusion.Predictor{Prediction: diffusion.PredictScaledScore, Input: smld}, 30, 0.05, 5),
		regression("simple", "L_simple on a chain of 1000 steps (Ho 2020)", train.LSimple{Chain: chain}, diffusion.Epsilon{Chain: chain}, 1, 0.02, 100),
		regression("vp", "the same in continuous time (Song 2021)", train.Continuous{Process: diffusion.ProcessOf(*vp), First: 1e-3, Last: 1}, diffusion.Predictor{Prediction: diffusion.PredictEpsilon, Input: vp}, 1, 0.02, 100),
		regression("vdm", "the variational bound in continuous time (Kingma 2021)", train.VDM{Process: diffusion.Variational{Gamma: gamma.Gamma}}, diffusion.Predictor{Prediction: diffusion.PredictEpsilon, Input: gamma}, 30, 0.05, 10),
		regression("edm", "ln σ normal, errors of equal size (Karras 2022)", karras, edm, 100, 0.02, 20),
		regression("min-snr", "the same levels, weighted by min(1/σ², 5) (Hang 2023)", train.MinSNR{Objective: karras, Gamma: 5}, edm, 100, 0.02, 20),
		regression("flow", "the velocity of straight paths (Lipman 2023)", train.FlowMatching{}, diffusion.Predictor{Prediction: diffusion.PredictVelocity, Input: &diffusion.Spec{Kind: diffusion.KindRectifiedFlow}}, 1000, 0.02, 20),
	}
	return list
}

func implicit(name, about string, loss train.Loss, directions int) Objective {
	return Objective{Name: name, About: about, loss: loss, directions: directions}
}

func regression(name, about string, of train.Objective, predicts diffusion.Parametrisation, scale, low, high float32) Objective {
	levels := train.Range{Min: low, Max: high}
	if _, alike := predicts.(diffusion.EDM); !alike {
		levels = train.Range{Max: math.MaxFloat32} // the process's own
	}
	return Objective{
		Name: name, About: about, Low: low, High: high, predicts: predicts, scale: scale,
		loss: &train.Regression{Objective: of, Parametrisation: predicts, Levels: levels},
	}
}

// Told returns noise levels at which the score that was learned is compared with the
// law's: from the parts' width on there is something to learn.
func (o *Objective) Told() []float32 {
	switch {
	case o.High == 0:
		return []float32{0}
	case o.Low == o.High:
		return []float32{o.Low}
	case o.Name == "ncsn":
		return []float32{0.387, 1.794} // two of its ten
	}
	return []float32{0.4, 1, 5}
}
