package convert

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/core/settings"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// describing are the flags that say what IN does not show; which of them have an effect
// depends on IN.
var describing = []string{
	"arch", "no-ema", "size", "heads", "head-channels", "new-attention-order", "beta-schedule", "train-steps", "time-scale", "prediction",
	"sigma-min", "sigma-max", "sigma-data", "input-x", "input-t", "input-y", "process", "pixels", "unit-pixels", "time-shift",
}

// onnxTakes returns the flags that have an effect on the network of an ONNX file.
func onnxTakes(m *model.Model) []string {
	takes := []string{"input-x", "input-t", "input-y", "process", "pixels", "unit-pixels", "time-shift", "time-scale", "prediction", "size"}
	c := m.Config()
	if c.Process == nil {
		takes = append(takes, "beta-schedule", "train-steps")
	}
	if c.Prediction == model.EDM || c.Prediction == model.Consistency {
		takes = append(takes, "sigma-data")
	}
	return takes
}

// refuseUnused returns an error that names a flag that is given and has no effect on IN.
func refuseUnused(cmd *cobra.Command, in string, takes []string) error {
	for _, flag := range describing {
		if cmd.Flags().Changed(flag) && !slices.Contains(takes, flag) {
			return flags.Misused("--%s has no effect on %s such as this: remove it", flag, in)
		}
	}
	return nil
}

// setNullClass makes one of the classes of a network the one that means no class.
func setNullClass(c *model.Config, k int) error {
	rows := c.Labels()
	switch {
	case rows == 0:
		return flags.Misused("--null-class has no effect on a network without classes: remove it (got %d)", k)
	case c.NullClass != nil:
		return flags.Misused("--null-class must be left out: the model's null class is %d (got %d)", *c.NullClass, k)
	case k < 0 || k >= rows:
		return flags.Misused("--null-class must be from 0 to %d, the rows of the table of classes (got %d)", rows-1, k)
	}
	c.NullClass = &k
	if k == rows-1 && len(c.Classes) == rows {
		c.Classes = c.Classes[:k]
	}
	return nil
}

// opens returns an error unless a model of this manifest opens: its defaults are settings that
// a request could have.
func opens(manifest *weights.Manifest, m *model.Model) error {
	c := m.Config()
	if err := c.CheckNames(); err != nil || c.Arch == model.Classifier {
		return err
	}
	_, err := engine.Describe(manifest)
	if field, ok := errors.AsType[*settings.FieldError](err); ok && slices.Contains([]string{"sampler", "steps", "guidance"}, field.Field) {
		return flags.AsMisuse(field)
	}
	return err
}

// withoutNull adds to what is assumed of a network that it has no null class, where it has
// classes and the flags name none.
func withoutNull(cmd *cobra.Command, m *model.Model, assumed []string) []string {
	if c := m.Config(); c.Labels() > 0 && c.NullClass == nil && !cmd.Flags().Changed("null-class") {
		return append(assumed, fmt.Sprintf("none of the %d classes is a null class, so there is no guidance; --null-class names one", c.Labels()))
	}
	return assumed
}
