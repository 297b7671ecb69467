// Package convert implements the commands that convert between formats: convert, export.
package convert

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newConvert(), newExport()}
}
