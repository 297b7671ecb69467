package train

import (
	"fmt"
	"slices"

	"tweedie/core/diffusion"
	"tweedie/core/model"
)

// Objectives lists what Config.Objective takes, and whom each is for. It is read only.
var Objectives = []struct{ Name, About string }{
	{"simple", "the error of the noise, alike at every step or time: L_simple (Ho 2020, Song 2021); what chains and SDEs get by themselves"},
	{"edm", "ln sigma normal with p_mean and p_std, weighted for equal size (Karras 2022); what others get by themselves"},
	{"min-snr", "the levels of simple or edm, weighted by min(1/sigma^2, snr_gamma) (Hang 2023)"},
	{"flow", "t uniform on straight paths, the error of the velocity (Lipman 2023)"},
	{"vdm", "the bound in continuous time; a variational process learns its gamma by it (Kingma 2021)"},
	{"ncsn", "the weighted sum over the levels of an smld process (Song & Ermon 2019); what that gets by itself"},
	{"vlb", `the variational bound, a model with "variance": "learned" (Nichol & Dhariwal 2021)`},
	{"hybrid", "simple for the mean, the bound for learned variances: L_hybrid (Nichol & Dhariwal 2021)"},
	{"classes", "the cross-entropy of a classifier of noisy images (Dhariwal & Nichol 2021); what that gets by itself"},
	{"consistency-training", `a model of prediction "consistency", from nothing (Song 2023)`},
	{"consistency-distillation", `a model of prediction "consistency", from the model that teacher names (Song 2023)`},
}

const (
	simple    = "simple"
	edm       = "edm"
	ncsn      = "ncsn"
	hybrid    = "hybrid"
	vlb       = "vlb"
	vdm       = "vdm"
	classes   = "classes"
	training  = "consistency-training"
	distilled = "consistency-distillation"
)

// goal returns the objective's name, chosen for the model if the configuration leaves
// it out.
func (c *Config) goal() string {
	switch {
	case c.Objective != "":
		return c.Objective
	case c.Model.Prediction == model.Consistency:
		return training
	case c.Model.Prediction == model.Class:
		return classes
	case c.Model.Variance == model.Learned:
		return hybrid
	case c.Model.Schedule != nil || c.sde() && c.PStd == 0:
		return simple
	case c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindSMLD:
		return ncsn
	}
	return edm
}

// consistent reports whether a consistency model is trained.
func (c *Config) consistent() bool { return c.goal() == training || c.goal() == distilled }

// sde reports whether the model's process is one of Song et al. 2021.
func (c *Config) sde() bool {
	return c.Model.Process != nil && slices.Contains([]string{diffusion.KindVP, diffusion.KindSubVP, diffusion.KindVE}, c.Model.Process.Kind)
}

// variational reports whether the model's process has a γ.
func (c *Config) variational() bool {
	return c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindVariational
}

// checkObjective says what of the objective does not fit the model.
func (c *Config) checkObjective() error {
	goal := c.goal()
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
		{chain || goal == simple && c.sde() || !slices.Contains([]string{simple, hybrid, vlb}, goal), "objective", "another for a model without a schedule", goal},
		{learned == (goal == hybrid || goal == vlb), "objective", `"hybrid" or "vlb" with variance "learned", and another without`, goal},
		{(c.Model.Prediction == model.Consistency) == c.consistent(), "objective", `"consistency-training" or "consistency-distillation" with prediction "consistency", and another without`, goal},
		{(c.Model.Prediction == model.Class) == (goal == classes), "objective", `"classes" with prediction "class", and another without`, goal},
		{goal != ncsn || c.Model.Process != nil && c.Model.Process.Kind == diffusion.KindSMLD, "objective", `another for a model without a process of kind "smld"`, goal},
		{!c.Importance || onLevels, "importance", "false for an objective that does not draw from levels alike", c.Importance},
		{c.SNRGamma == 0 || goal == "min-snr" && c.SNRGamma > 0, "snr_gamma", `more than 0, with objective "min-snr" only`, c.SNRGamma},
		{!c.FixedGamma || goal == vdm && c.variational(), "fixed_gamma", `false, but for objective "vdm" and a process of kind "variational"`, c.FixedGamma},
		{(c.Teacher != "") == (goal == distilled), "teacher", `a model with objective "consistency-distillation", and none without`, c.Teacher},
		{c.LevelsFirst == 0 || c.consistent() && c.LevelsFirst > 1, "levels_first", "at least 2, for consistency models only", c.LevelsFirst},
		{c.LevelsLast == 0 || c.consistent() && c.LevelsLast >= c.levelsFirst() && c.LevelsLast <= 1<<16, "levels_last", "levels_first to 65536, for consistency models only", c.LevelsLast},
		{c.TargetDecay == nil || c.consistent() && *c.TargetDecay >= 0 && *c.TargetDecay < 1, "target_decay", "0 to less than 1, for consistency models only", c.TargetDecay},
	} {
		if !check.ok {
			return fmt.Errorf("train: %w: %s is %v, need %s", ErrConfig, check.key, check.found, check.need)
		}
	}
	if c.consistent() {
		return nil
	}
	_, err := c.objective()
	return err
}

// objective returns where the noise levels are drawn and how they are weighted, but
// for consistency models.
func (c *Config) objective() (Objective, error) {
	if c.goal() == "min-snr" {
		of, err := c.levelsOf(edm)
		if c.Model.Schedule != nil || c.sde() && c.PStd == 0 {
			of, err = c.levelsOf(simple)
		}
		return MinSNR{of, orDefault(c.SNRGamma, 5)}, err
	}
	return c.levelsOf(c.goal())
}

func (c *Config) levelsOf(goal string) (Objective, error) {
	switch goal {
	case simple, hybrid, vlb:
		if c.sde() {
			return c.continuous()
		}
		chain, err := c.Model.Chain()
		return LSimple{chain}, err
	case "flow":
		return FlowMatching{}, nil
	case vdm:
		if c.variational() {
			return VDM{diffusion.Variational{Gamma: c.Model.Process.Gamma}}, nil
		}
		return VDM{diffusion.Variational{Gamma: LinearGamma(c.Model.SigmaMin, c.Model.SigmaMax)}}, nil
	case ncsn:
		return NewNCSN(diffusion.ProcessOf(*c.Model.Process).(diffusion.SMLD)), nil
	}
	o := EDMLoss{PMean: c.PMean, PStd: c.PStd, SigmaData: c.Model.SigmaData}
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	return o, nil
}

// continuous returns L_simple over the times of the model's noise levels.
func (c *Config) continuous() (Objective, error) {
	o := Continuous{Process: diffusion.ProcessOf(*c.Model.Process)}
	var err error
	if o.First, err = o.Process.Time(float32(c.Model.SigmaMin)); err == nil {
		o.Last, err = o.Process.Time(float32(c.Model.SigmaMax))
	}
	return o, err
}

// importance returns the odds of noise levels that are drawn by importance, nil if they
// are not.
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

// loss returns what w makes small.
func (c *Config) loss(w *worker, teacher *model.Model) (Loss, error) {
	predicts, err := c.Model.Parametrisation()
	if err != nil {
		return nil, err
	}
	if c.consistent() {
		l := &Consistency{Predicts: predicts, Levels: c.levels(0), Target: w.targetMap(predicts)}
		if teacher != nil {
			l.Teacher, err = w.teacherMap(teacher)
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
	if w.t.often != nil {
		of = w.t.often
	}
	held := Range{float32(c.Model.SigmaMin), float32(c.Model.SigmaMax)}
	if c.goal() == classes {
		return &CrossEntropy{Of: of, Predicts: predicts, Levels: held}, nil
	}
	if goal := c.goal(); goal == hybrid || goal == vlb {
		chain, err := c.Model.Chain()
		if err != nil {
			return nil, err
		}
		l := Hybrid(chain, predicts, c.Model.Shape[0])
		l.Draws = of
		if goal == vlb {
			l.Simple, l.Lambda = 0, 1
		}
		return l, nil
	}
	return &Regression{Of: of, Predicts: predicts, Levels: held}, nil
}

// What a consistency model's configuration leaves out: s₀, s₁ and μ₀ of Song et al.
// 2023, appendix C, for training; N for distillation, whose μ they have at 0.95.
const (
	trainingFirst, trainingLast = 2, 150
	distilledLevels             = 18
)

func (c *Config) levelsFirst() int {
	if c.LevelsFirst == 0 {
		if c.goal() == distilled {
			return distilledLevels
		}
		return trainingFirst
	}
	return c.LevelsFirst
}

// levels returns the levels of a consistency model at a step.
func (c *Config) levels(step int) []float32 {
	last := c.LevelsLast
	if last == 0 {
		last = max(c.levelsFirst(), trainingLast)
		if c.goal() == distilled {
			last = c.levelsFirst()
		}
	}
	n := ConsistencyGrowth(c.levelsFirst(), last, step, c.Steps)
	return ConsistencyLevels(n, c.Model.SigmaMin, c.Model.SigmaMax)
}

// targetDecay returns the decay of f⁻ at a step.
func (c *Config) targetDecay(step int) float64 {
	decay := 0.9
	if c.goal() == distilled {
		decay = 0.95
	}
	if c.TargetDecay != nil {
		decay = *c.TargetDecay
	}
	if c.goal() == distilled || decay == 0 {
		return decay
	}
	return ConsistencyDecay(decay, c.levelsFirst(), len(c.levels(step)))
}

// checkTeacher says why a model cannot teach this one.
func (c *Config) checkTeacher(teacher *model.Model) error {
	if (teacher != nil) != (c.goal() == distilled) {
		return fmt.Errorf("train: %w: objective %q and a teacher is given: %v, need one with %q and none without", ErrConfig, c.goal(), teacher != nil, distilled)
	}
	if teacher == nil {
		return nil
	}
	t := teacher.Config()
	if err := t.CheckDenoiser(); err != nil {
		return fmt.Errorf("train: %w: teacher: %w", ErrConfig, err)
	}
	if t.Shape != c.Model.Shape || t.Labels() != c.Model.Labels() || t.UnitPixels != c.Model.UnitPixels || !slices.Equal(t.Classes, c.Model.Classes) {
		return fmt.Errorf("train: %w: the teacher draws %v of classes %q, need the model's %v of %q", ErrConfig, t.Shape, t.Classes, c.Model.Shape, c.Model.Classes)
	}
	if t.SigmaMin > c.Model.SigmaMin || t.SigmaMax < c.Model.SigmaMax {
		return fmt.Errorf("train: %w: the teacher knows noise levels %g to %g, need the model's %g to %g among them", ErrConfig, t.SigmaMin, t.SigmaMax, c.Model.SigmaMin, c.Model.SigmaMax)
	}
	return nil
}
