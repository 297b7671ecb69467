// Package publish implements the commands that publish models: site, serve, version.
package publish

import (
	"github.com/spf13/cobra"
)

// Commands returns these commands.
func Commands() []*cobra.Command {
	return []*cobra.Command{newSite(), newServe(), newVersion()}
}
