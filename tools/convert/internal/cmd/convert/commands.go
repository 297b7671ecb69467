// Package convert has the commands that change a model's format: convert, export.
package convert

import (
	"github.com/spf13/cobra"
)

// Commands returns the commands of this room.
func Commands() []*cobra.Command {
	return []*cobra.Command{newConvert(), newExport()}
}
