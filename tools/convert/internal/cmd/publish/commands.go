// Package publish has the commands of the site: site, serve, version.
package publish

import (
	"github.com/spf13/cobra"
)

// Commands returns the commands of this room.
func Commands() []*cobra.Command {
	return []*cobra.Command{newSite(), newServe(), newVersion()}
}
