// Package evaluate has the commands that measure a model: eval, compare, bench.
package evaluate

import (
	"github.com/spf13/cobra"
)

// Commands returns the commands of this room.
func Commands() []*cobra.Command {
	return []*cobra.Command{newEval(), newCompare(), newBench()}
}
