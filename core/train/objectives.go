package train

import (
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// Objectives lists the values of Config.Objective, with descriptions. It is read only.
var Objectives = []struct{ Name, About string }{
	{"simple", "error of the predicted noise, equally weighted at all steps or times: L_simple (Ho 2020, Song 2021); default for chains and SDEs"},
	{"edm", "ln sigma normal with p_mean and p_std, weighted to equal size (Karras 2022); default for most other models"},
	{"min-snr", "the noise levels of simple or edm, weighted by min(1/sigma^2, snr_gamma) (Hang 2023)"},
	{"flow", "flow matching: error of the velocity, t uniform (Lipman 2023)"},
	{"vdm", "the continuous-time variational bound; a variational process also learns its gamma (Kingma 2021)"},
	{"ncsn", "weighted denoising score matching at the levels of an smld process (Song & Ermon 2019); default for such a process"},
	{"vlb", `the variational bound, for a model with "variance": "learned" (Nichol & Dhariwal 2021)`},
	{"hybrid", "simple for the mean, the variational bound for learned variances: L_hybrid (Nichol & Dhariwal 2021)"},
	{"classes", "cross-entropy of a classifier of noisy images (Dhariwal & Nichol 2021); default for classifiers"},
	{"consistency-training", `trains a model of prediction "consistency" from scratch (Song 2023)`},
	{"consistency-distillation", `distils a model of prediction "consistency" from the model that teacher names (Song 2023)`},
}

const (
	simple                  = "simple"
	edm                     = "edm"
	ncsn                    = "ncsn"
	hybrid                  = "hybrid"
	vlb                     = "vlb"
	vdm                     = "vdm"
	classes                 = "classes"
	consistencyTraining     = "consistency-training"
	consistencyDistillation = "consistency-distillation"
)

// objectiveName returns the name of the objective, or the model's default if the
// configuration omits it.
func (c *Config) objectiveName() string {
	switch {
	case c.Objective != "":
		return c.Objective
	case c.Model.Prediction == model.Consistency:
		return consistencyTraining
	case c.Model.Prediction == model.Class:
		return classes
	case c.Model.Variance == model.Learned:
		return hybrid
	case c.Model.Schedule != nil || c.isSDE() && c.PStd == 0:
		return simple
	case c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindSMLD:
		return ncsn
	}
	return edm
}

// isConsistency reports whether the run trains a consistency model.
func (c *Config) isConsistency() bool {
	return c.objectiveName() == consistencyTraining || c.objectiveName() == consistencyDistillation
}

// isSDE reports whether the model's process is one of Song et al. 2021.
func (c *Config) isSDE() bool {
	return c.Model.Process != nil && slices.Contains([]string{diffusion.KindVP, diffusion.KindSubVP, diffusion.KindVE}, c.Model.Process.Kind)
}

// isVariational reports whether the model's process has a γ.
func (c *Config) isVariational() bool {
	return c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindVariational
}

// checkObjective returns an error if the objective and its settings do not fit the model.
func (c *Config) checkObjective() error {
	goal := c.objectiveName()
	names := make([]string, len(Objectives))
	for i, o := range Objectives {
		names[i] = o.Name
	}
	chain, learned := c.Model.Schedule != nil, c.Model.Variance == model.Learned
	onLevels := goal == ncsn || chain && slices.Contains([]string{simple, "min-snr", hybrid, vlb}, goal)
	for _, check := range []struct {
		ok        bool
		key, need string
		found     any
	}{
		{slices.Contains(names, goal), "objective", fmt.Sprintf("one of %q", names), goal},
		{chain || goal == simple && c.isSDE() || !slices.Contains([]string{simple, hybrid, vlb}, goal), "objective", `other than "simple", "hybrid" and "vlb" for a model without a schedule`, goal},
		{learned == (goal == hybrid || goal == vlb), "objective", `"hybrid" or "vlb" for a model with variance "learned", and another for other models`, goal},
		{(c.Model.Prediction == model.Consistency) == c.isConsistency(), "objective", `"consistency-training" or "consistency-distillation" for prediction "consistency", and another for other predictions`, goal},
		{(c.Model.Prediction == model.Class) == (goal == classes), "objective", `"classes" for prediction "class", and another for other predictions`, goal},
		{goal != ncsn || c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindSMLD, "objective", `other than "ncsn" for a model without a process of kind "smld"`, goal},
		{!c.Importance || onLevels, "importance", "false for an objective without a list of equally likely noise levels", c.Importance},
		{c.SNRGamma == 0 || goal == "min-snr" && c.SNRGamma > 0, "snr_gamma", `above 0, and set for objective "min-snr" only`, c.SNRGamma},
		{!c.FixedGamma || goal == vdm && c.isVariational(), "fixed_gamma", `false unless the objective is "vdm" and the process "variational"`, c.FixedGamma},
		{(c.Teacher != "") == (goal == consistencyDistillation), "teacher", `a model for objective "consistency-distillation", and empty for others`, fmt.Sprintf("%q", c.Teacher)},
		{c.LevelsFirst == 0 || c.isConsistency() && c.LevelsFirst > 1, "levels_first", "at least 2, and set for consistency models only", c.LevelsFirst},
		{c.LevelsLast == 0 || c.isConsistency() && c.LevelsLast >= c.levelsFirst() && c.LevelsLast <= 1<<16, "levels_last", "between levels_first and 65536, and set for consistency models only", c.LevelsLast},
		{c.TargetDecay == nil || c.isConsistency() && *c.TargetDecay >= 0 && *c.TargetDecay < 1, "target_decay", "0 to less than 1, and set for consistency models only", c.TargetDecay},
	} {
		if !check.ok {
			return fmt.Errorf("train: %w: %s must be %s (got %v)", ErrConfig, check.key, check.need, check.found)
		}
	}
	if c.isConsistency() {
		return nil
	}
	_, err := c.objective()
	return err
}

// objective returns the objective of a model that is not a consistency model.
func (c *Config) objective() (Objective, error) {
	if c.objectiveName() == "min-snr" {
		of, err := c.levelsOf(edm)
		if c.Model.Schedule != nil || c.isSDE() && c.PStd == 0 {
			of, err = c.levelsOf(simple)
		}
		return MinSNR{of, orDefault(c.SNRGamma, 5)}, err
	}
	return c.levelsOf(c.objectiveName())
}

// levelsOf returns the objective of a name other than min-snr.
func (c *Config) levelsOf(goal string) (Objective, error) {
	switch goal {
	case simple, hybrid, vlb:
		if c.isSDE() {
			return c.continuous()
		}
		chain, err := c.Model.Chain()
		return LSimple{chain}, err
	case "flow":
		return FlowMatching{}, nil
	case vdm:
		if c.isVariational() {
			return VDM{diffusion.Variational{Gamma: c.Model.Process.Gamma}}, nil
		}
		return VDM{diffusion.Variational{Gamma: LinearGamma(c.Model.SigmaMin, c.Model.SigmaMax)}}, nil
	case ncsn:
		return NewNCSN(diffusion.ProcessOf(*c.Model.Process).(diffusion.SMLD)), nil
	}
	o := EDMLoss{PMean: c.PMean, PStd: c.PStd, SigmaData: c.Model.SigmaData}
	return o, o.Validate()
}

// continuous returns the continuous-time L_simple over the model's noise levels.
func (c *Config) continuous() (Objective, error) {
	o := Continuous{Process: diffusion.ProcessOf(*c.Model.Process)}
	var err error
	if o.First, err = o.Process.Time(float32(c.Model.SigmaMin)); err == nil {
		o.Last, err = o.Process.Time(float32(c.Model.SigmaMax))
	}
	return o, err
}

// importance returns the importance sampling of noise levels, or nil if it is off.
func (c *Config) importance() (*Importance, error) {
	if !c.Importance {
		return nil, nil
	}
	of, err := c.objective()
	if err != nil {
		return nil, err
	}
	if o, ok := of.(NCSN); ok {
		return NewImportance(of, o.Levels), nil
	}
	chain, err := c.Model.Chain()
	if err != nil {
		return nil, err
	}
	var levels []float32
	for _, s := range chain.Sigmas {
		if sigma := float32(s); sigma >= float32(c.Model.SigmaMin) && sigma <= float32(c.Model.SigmaMax) {
			levels = append(levels, sigma)
		}
	}
	return NewImportance(of, levels), nil
}

// loss returns the loss for w.
func (c *Config) loss(w *worker, teacher *model.Model) (Loss, error) {
	predicts, err := c.Model.Parametrization()
	if err != nil {
		return nil, err
	}
	if c.isConsistency() {
		l := &Consistency{Parametrization: predicts, Levels: c.levels(0), Target: w.targetDenoiser(predicts)}
		if teacher != nil {
			l.Teacher, err = w.teacherDenoiser(teacher)
		}
		return l, err
	}
	if g := w.t.gamma; g != nil {
		return g.loss(c.Model.UnitPixels), nil
	}
	of, err := c.objective()
	if err != nil {
		return nil, err
	}
	if w.t.importance != nil {
		of = w.t.importance
	}
	levels := Range{float32(c.Model.SigmaMin), float32(c.Model.SigmaMax)}
	if c.objectiveName() == classes {
		return &CrossEntropy{Objective: of, Parametrization: predicts, Levels: levels}, nil
	}
	if goal := c.objectiveName(); goal == hybrid || goal == vlb {
		chain, err := c.Model.Chain()
		if err != nil {
			return nil, err
		}
		l := Hybrid(chain, predicts, c.Model.Shape[0])
		l.Objective = of
		if goal == vlb {
			l.Simple, l.Lambda = 0, 1
		}
		return l, nil
	}
	return &Regression{Objective: of, Parametrization: predicts, Levels: levels}, nil
}

// Defaults for consistency models: s₀ and s₁ of Song et al. 2023, appendix C, for
// training; N for distillation.
const (
	trainingFirst, trainingLast = 2, 150
	distillationLevels          = 18
)

func (c *Config) levelsFirst() int {
	if c.LevelsFirst == 0 {
		if c.objectiveName() == consistencyDistillation {
			return distillationLevels
		}
		return trainingFirst
	}
	return c.LevelsFirst
}

// levels returns the noise levels of a consistency model at a step.
func (c *Config) levels(step int) []float32 {
	last := c.LevelsLast
	if last == 0 {
		last = max(c.levelsFirst(), trainingLast)
		if c.objectiveName() == consistencyDistillation {
			last = c.levelsFirst()
		}
	}
	n := ConsistencyLevelCount(c.levelsFirst(), last, step, c.Steps)
	return ConsistencyLevels(n, c.Model.SigmaMin, c.Model.SigmaMax)
}

// targetDecay returns the decay of the weight average f⁻ at a step. The defaults are μ₀ of
// Song et al. 2023, appendix C, and their μ for distillation.
func (c *Config) targetDecay(step int) float64 {
	decay := 0.9
	if c.objectiveName() == consistencyDistillation {
		decay = 0.95
	}
	if c.TargetDecay != nil {
		decay = *c.TargetDecay
	}
	if c.objectiveName() == consistencyDistillation || decay == 0 {
		return decay
	}
	return ConsistencyDecay(decay, c.levelsFirst(), len(c.levels(step)))
}

// checkTeacher returns an error if teacher cannot be distilled into the model.
func (c *Config) checkTeacher(teacher *model.Model) error {
	if (teacher != nil) != (c.objectiveName() == consistencyDistillation) {
		return fmt.Errorf("train: %w: objective %q needs a teacher, and no other does (got objective %q, with a teacher: %v)", ErrConfig, consistencyDistillation, c.objectiveName(), teacher != nil)
	}
	if teacher == nil {
		return nil
	}
	t := teacher.Config()
	if err := t.CheckDenoiser(); err != nil {
		return fmt.Errorf("train: %w: teacher: %w", ErrConfig, err)
	}
	if t.Shape != c.Model.Shape || t.Labels() != c.Model.Labels() || t.UnitPixels != c.Model.UnitPixels || !slices.Equal(t.Classes, c.Model.Classes) {
		return fmt.Errorf("train: %w: the teacher must have the shape, classes and pixel range of the model, %v and %q (got %v and %q)", ErrConfig, c.Model.Shape, c.Model.Classes, t.Shape, t.Classes)
	}
	if t.SigmaMin > c.Model.SigmaMin || t.SigmaMax < c.Model.SigmaMax {
		return fmt.Errorf("train: %w: the teacher's noise levels must include those of the model, %g to %g (got %g to %g)", ErrConfig, c.Model.SigmaMin, c.Model.SigmaMax, t.SigmaMin, t.SigmaMax)
	}
	return nil
}
