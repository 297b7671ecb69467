// Package train implements the commands that prepare and train models: train, data, posterior, lab.
package train

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newTrain(), newData(), newPosterior(), newLab(), newPlane()}
}
