// Package evaluate implements the commands that measure models: eval, compare, bench.
package evaluate

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newEval(), newCompare(), newBench()}
}
