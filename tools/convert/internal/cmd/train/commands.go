// Package train has the commands that learn: train, data, posterior, lab.
package train

import (
	"github.com/spf13/cobra"
)

// Commands returns the commands of this room.
func Commands() []*cobra.Command {
	return []*cobra.Command{newTrain(), newData(), newPosterior(), newLab(), newPlane()}
}
