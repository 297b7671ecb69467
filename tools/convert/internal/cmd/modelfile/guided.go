package modelfile

import (
	"fmt"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// Guided opens the model at path, with the models that guide it.
func Guided(cmd *cobra.Command, path string, g *flags.Guides, c *flags.Compute) (*engine.Engine, error) {
	e, err := Engine(cmd, path, c)
	if err != nil {
		return nil, err
	}
	if g.Classifier != "" {
		if err := setClassifier(e, g.Classifier); err != nil {
			return nil, fmt.Errorf("--guide-classifier %s: %w", g.Classifier, err)
		}
	}
	if g.Worse == "" {
		return e, nil
	}
	worse, err := Engine(cmd, g.Worse, c)
	if err != nil {
		return nil, err
	}
	if err := e.SetAutoguidance(worse); err != nil {
		return nil, fmt.Errorf("--guide %s: %w", g.Worse, err)
	}
	return e, nil
}

// setClassifier sets the classifier at path to guide e.
func setClassifier(e *engine.Engine, path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	m, err := model.Open(f)
	if err != nil {
		return err
	}
	return e.SetClassifier(m)
}
