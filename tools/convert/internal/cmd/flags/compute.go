package flags

import (
	"github.com/spf13/cobra"

	"tweedie/core/engine"
)

// Compute is the flags that say how to compute.
type Compute struct {
	Fast    bool
	Workers int
}

// Add declares the flags of c.
func (c *Compute) Add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.Fast, "fast", false, "fused arithmetic in any order: quicker, and the last bits differ between machines")
	cmd.Flags().IntVar(&c.Workers, "workers", 0, "threads to compute with; 0 takes every core (images do not depend on it)")
}

// Options returns c as an engine takes it.
func (c *Compute) Options() (engine.Options, error) {
	if c.Workers < 0 || c.Workers > 1024 {
		return engine.Options{}, Misused("--workers is %d, need 0 to 1024", c.Workers)
	}
	return engine.Options{Fast: c.Fast, Workers: c.Workers}, nil
}
