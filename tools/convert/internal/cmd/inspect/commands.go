// Package inspect implements the commands that read and check files: inspect, verify.
package inspect

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newInspect(), newVerify()}
}
