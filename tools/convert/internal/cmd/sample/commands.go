// Package sample implements the commands that use a model: sample, inpaint, forward, likelihood.
package sample

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newSample(), newInpaint(), newForward(), newLikelihood()}
}
