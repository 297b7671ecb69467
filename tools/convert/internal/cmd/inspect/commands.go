// Package inspect has the commands that look into files: inspect, verify.
package inspect

import (
	"github.com/spf13/cobra"
)

// Commands returns the commands of this room.
func Commands() []*cobra.Command {
	return []*cobra.Command{newInspect(), newVerify()}
}
