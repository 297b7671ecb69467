package flags

import (
	"runtime"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/unet"
)

// Compute is the flags of arithmetic and threads.
type Compute struct {
	Fast    bool
	Workers int
	Size    unet.Size // of images; zero means the model's
}

// AddSize declares the flag of the size of images.
func (c *Compute) AddSize(cmd *cobra.Command) {
	cmd.Flags().Var(&c.Size, "size", "size of the images, if the network allows another than the model's: such as 32, or 16x8 (height x width)")
}

// Add declares the flags of c.
func (c *Compute) Add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.Fast, "fast", false, "use fused arithmetic in any order: faster, but the last bits differ between machines")
	cmd.Flags().IntVar(&c.Workers, "workers", 0, "threads; 0 uses every core (the images do not depend on it)")
}

// Threads returns the number of goroutines that compute.
func (c *Compute) Threads() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Options returns c as the options of an engine.
func (c *Compute) Options() (engine.Options, error) {
	if c.Workers < 0 || c.Workers > 1024 {
		return engine.Options{}, Misused("--workers must be from 0 to 1024 (got %d)", c.Workers)
	}
	return engine.Options{Fast: c.Fast, Workers: c.Workers, Size: c.Size}, nil
}
