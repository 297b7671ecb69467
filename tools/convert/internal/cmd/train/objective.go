package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// objectiveNames returns the values of --objective.
func objectiveNames() []string {
	var names []string
	for _, o := range train.Objectives {
		names = append(names, o.Name)
	}
	return names
}

// objectiveHelp lists the objectives, a line or two each.
func objectiveHelp() string {
	var b strings.Builder
	for _, o := range train.Objectives {
		fmt.Fprintf(&b, "  %-25s %s\n", o.Name, o.About)
	}
	return b.String()
}

// setObjective turns a preset's configuration, which is EDM's, into one for another
// objective: it sets what the network predicts, the process and the sampler. process is
// one of processes, or "" for the objective's own.
func setObjective(c *train.Config, objective, teacher, process string) error {
	m := &c.Model
	c.Objective, c.Teacher = objective, teacher
	if objective != "edm" {
		c.PMean, c.PStd = 0, 0
	}
	if process != "" && !slices.Contains([]string{"simple", "min-snr", "hybrid", "vlb"}, objective) {
		return flags.Misused("--process requires the objective simple, min-snr, hybrid or vlb: the others have a process of their own (got %s)", objective)
	}
	switch objective {
	case "simple":
		return setProcess(m, cmp.Or(process, processes[0]), diffusion.PredictEpsilon)
	case "min-snr":
		return setProcess(m, cmp.Or(process, processes[0]), diffusion.PredictV)
	case "hybrid", "vlb":
		m.Variance, m.UNet.OutChannels = model.Learned, 2*m.UNet.InChannels
		m.Defaults.Sampler, m.Defaults.Steps = "ddpm-learned", 100
		c.Importance = objective == "vlb"                                       // without it the loss is too noisy (Nichol & Dhariwal 2021, section 3.3)
		return setProcess(m, cmp.Or(process, processes[0]), diffusion.PredictV) // the same loss as for ε, but errors at high noise levels are not magnified
	case "classes":
		return setClassifier(c)
	case "flow":
		predictOf(m, diffusion.PredictVelocity, diffusion.Spec{Kind: diffusion.KindRectifiedFlow})
		m.TimeScale, m.SigmaMin, m.SigmaMax = 1000, 0.002, 500
		m.Defaults.Sampler = "flow-heun"
	case "vdm":
		m.SigmaMin, m.SigmaMax = 0.0013, 12.2 // γ from −13.3 to 5: Kingma et al. 2021, appendix
		predictOf(m, diffusion.PredictV, diffusion.Spec{Kind: diffusion.KindVariational, Gamma: diffusion.NewMonotone(2*math.Log(m.SigmaMin), 2*math.Log(m.SigmaMax), 16)})
		m.TimeScale = 40 // v for the same reason as above
	case "ncsn":
		predictOf(m, diffusion.PredictScaledScore, diffusion.Spec{Kind: diffusion.KindSMLD, SigmaMin: 0.02, SigmaMax: 2})
		m.TimeScale, m.SigmaMin, m.SigmaMax = 100, 0.02, 2 // 0.01 and 1 on pixels from 0 to 1: Song & Ermon 2019, section 5
		m.Defaults.Sampler, m.Defaults.Steps = "annealed-langevin", 10
		m.Defaults.Schedule, m.Defaults.CorrectorSteps = "exponential", 20
	case "consistency-training", "consistency-distillation":
		m.Prediction = model.Consistency
		m.Defaults.Sampler, m.Defaults.Steps, m.Defaults.Guidance = "consistency", 2, 1
		if teacher != "" {
			return copyTeacher(m, teacher)
		}
	}
	return nil
}

// setClassifier turns a preset into a classifier of noisy images: the encoder half of its
// network, without attention, trained at noise levels where classes can be distinguished.
func setClassifier(c *train.Config) error {
	m, u := &c.Model, c.Model.UNet
	if len(m.Classes) < 2 {
		return flags.Misused("--objective classes requires pictures of at least 2 classes, a sub-folder for each (got %d)", len(m.Classes))
	}
	m.Arch, m.Prediction, m.NullClass, m.Defaults = model.Classifier, model.Class, nil, model.Defaults{}
	u.OutChannels, u.NumClassEmbeds = len(m.Classes), nil
	for i := range u.DownBlockTypes {
		u.DownBlockTypes[i] = "DownBlock2D"
	}
	c.DropClass, c.PMean, c.PStd = 0, 0.2, 1.3
	return nil
}

// copyTeacher gives m the noise levels of the model that it is distilled from.
func copyTeacher(m *model.Config, path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	c, err := model.ParseConfig(f.Manifest.Config)
	if err != nil {
		return fmt.Errorf("teacher %q: %w", path, err)
	}
	m.SigmaMin, m.SigmaMax, m.UnitPixels = c.SigmaMin, c.SigmaMax, c.UnitPixels
	m.SigmaData = cmp.Or(c.SigmaData, m.SigmaData)
	return nil
}

// processes are the values of --process: DDPM chains, then the SDEs of Song et al. 2021.
var processes = []string{"ddpm", "improved-ddpm", "thermodynamic", diffusion.KindVP, diffusion.KindSubVP, diffusion.KindVE}

// setProcess makes m predict what, on one of processes.
func setProcess(m *model.Config, process string, what diffusion.Prediction) error {
	kinds := []string{diffusion.Linear, diffusion.Cosine, diffusion.Thermodynamic}
	i := slices.Index(processes, process)
	if i < 0 {
		return flags.Misused("--process must be one of %s (got %q)", strings.Join(processes, ", "), process)
	}
	if i >= len(kinds) {
		return setSDE(m, process, what)
	}
	m.Prediction, m.SigmaData, m.TimeScale = string(what), 0, 0
	m.Schedule = &diffusion.Schedule{Kind: kinds[i]}
	chain, err := m.Chain()
	if err != nil {
		return err
	}
	low, high := chain.SigmaRange()
	m.SigmaMin, m.SigmaMax = float64(low), float64(high)
	return nil
}

// setSDE makes m predict what, on an SDE, from the lowest noise level that is visible in a pixel.
func setSDE(m *model.Config, kind string, what diffusion.Prediction) error {
	if m.Variance == model.Learned {
		return flags.Misused("--process must be %s with learned variances, which need a chain of steps (got %s)", strings.Join(processes[:3], ", "), kind)
	}
	spec := diffusion.Spec{Kind: kind}
	if m.TimeScale = 0; kind == diffusion.KindVE {
		m.TimeScale = timeScale / 4 // for ln(σ/2), where EDM has ln(σ)/4
		if what == diffusion.PredictEpsilon {
			what = diffusion.PredictScaledScore // the same except for its sign, and what these networks predict
		}
	}
	predictOf(m, what, spec)
	m.SigmaMin, m.SigmaMax = 0.02, float64(float32(diffusion.ProcessOf(spec).Kernel(1).Sigma))
	return nil
}

// predictOf makes m predict what, of a process.
func predictOf(m *model.Config, what diffusion.Prediction, s diffusion.Spec) {
	m.Prediction, m.SigmaData, m.Process = string(what), 0, &s
}
