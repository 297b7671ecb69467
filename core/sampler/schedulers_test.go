package sampler

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// schedulerLoop is one of the 83 deterministic loops of the tests of huggingface/diffusers' schedulers
// (commit 58eb52c0803ea9af3abec60841c2a093bdf1f951): its settings and the figures that the test expects, with the test's
// tolerances. testdata/schedulers.json has them all, one a line; they are facts, taken from those tests by hand, and
// every figure was reproduced with diffusers' own classes.
//
// The start is a ramp 0/N … (N−1)/N; the network is z·t/(t+1) for its input z and time t. "from" is the time at which a loop
// begins, with the ramp in reverse as noise.
type schedulerLoop struct {
	Test   string `json:"test"`
	Class  string `json:"class"`
	Config struct {
		BetaStart       float64 `json:"beta_start"`
		BetaEnd         float64 `json:"beta_end"`
		BetaSchedule    string  `json:"beta_schedule"`
		Steps           int     `json:"num_train_timesteps"`
		Prediction      string  `json:"prediction_type"`
		Karras          bool    `json:"use_karras_sigmas"`
		Lu              bool    `json:"use_lu_lambdas"`
		Thresholding    bool    `json:"thresholding"`
		SampleMax       float64 `json:"sample_max_value"`
		SetAlphaToOne   bool    `json:"set_alpha_to_one"`
		Order           int     `json:"solver_order"`
		SolverType      string  `json:"solver_type"`
		LowerOrderFinal bool    `json:"lower_order_final"`
		FinalSigmas     string  `json:"final_sigmas_type"`
	} `json:"config"`
	Steps   int      `json:"steps"`
	Numbers int      `json:"numbers"`
	From    *float64 `json:"from"`
	Figures [][3]any `json:"figures"` // quantity, value, tolerance
}

// differs returns the convention by which a loop differs from every sampler here, or "".
func (l *schedulerLoop) differs() string {
	switch {
	case strings.Contains(l.Class, "Inverse"):
		return "goes up in noise (inversion), which no sampler here does"
	case l.Class == "IPNDMScheduler":
		return "has a process of its own, sines of the time, and runs twice with one history"
	case l.Class == "PNDMScheduler":
		return "takes the middle of a Runge-Kutta step in the chain's time; here it is the middle of the noise levels"
	case l.Class == "LMSDiscreteScheduler" && l.From != nil:
		return "begins in the middle with the weights of values that it does not have"
	case l.Class == "DPMSolverSinglestepScheduler":
		return "takes the next level of the schedule as the inner level of a step; here it is the middle in ln σ"
	case l.Config.Thresholding && l.Config.SampleMax < 1:
		return "thresholds to a largest value below 1, which divides the image by it"
	}
	return ""
}

func readSchedulerLoops(t *testing.T) []schedulerLoop {
	t.Helper()
	b, err := os.ReadFile("testdata/schedulers.json")
	if err != nil {
		t.Fatal(err)
	}
	var loops []schedulerLoop
	if err := json.Unmarshal(b, &loops); err != nil {
		t.Fatal(err)
	}
	return loops
}

// matchedFigures is how many figures of allFigures agree: the README and docs/samplers.md say so too.
const matchedFigures, allFigures = 102, 138

// Every loop of diffusers' scheduler tests whose conventions a sampler here has gives the figures that diffusers expects, within
// its tolerance. The others are named in docs/samplers.md with the convention that differs.
func TestSchedulersOfDiffusers(t *testing.T) {
	matched, all := 0, 0
	docs, err := os.ReadFile("../../docs/samplers.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range readSchedulerLoops(t) {
		all += len(l.Figures)
		if reason := l.differs(); reason != "" {
			if !strings.Contains(string(docs), reason) {
				t.Errorf("docs/samplers.md does not say of %s that it %s", l.Test, reason)
			}
			continue
		}
		t.Run(fmt.Sprintf("%d/%s", i, l.Test), func(t *testing.T) {
			x := l.run(t)
			sum := 0.0
			for _, v := range x.Data {
				sum += math.Abs(float64(v))
			}
			for _, f := range l.Figures {
				got, want, tolerance := sum, f[1].(float64), f[2].(float64)
				if f[0] != "sum" {
					got /= float64(l.Numbers)
				}
				if !(math.Abs(got-want) <= tolerance) {
					t.Errorf("%s is %g, want %g ± %g", f[0], got, want, tolerance)
					continue
				}
				matched++
			}
		})
	}
	if matched != matchedFigures || all != allFigures {
		t.Errorf("%d of %d figures match, want %d of %d", matched, all, matchedFigures, allFigures)
	}
}
