package evaluate

import (
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// The table names the samplers that a model does not support, except with --samplers.
func TestCompareNamesWhoIsAbsent(t *testing.T) {
	cells := []cell{{Sampler: "ddim", Budget: 5, Key: "model 0", Ratio: 2}}
	o := comparison{budgets: []int{5}}
	if got := o.table(sampler.Methods, cells); !strings.HasSuffix(got, "model: `consistency`, `lcm`, `tcd`, `ddpm-learned`, `ddpm-analytic`.\n") {
		t.Errorf("the table ends %q", got[max(0, len(got)-200):])
	}
	o.samplers = []string{"ddim"}
	if got := o.table(sampler.Methods, cells); strings.Contains(got, "ddpm-learned") {
		t.Errorf("the table of one sampler names others:\n%s", got)
	}
}
