package main

import (
	"math"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/wasm/engine"
)

// request is the flags that ask an engine for images.
type request struct {
	n, steps  int
	seed      uint64
	sampler   string
	classes   string
	guidance  float64
	eta       float64
	compute   compute
	json      bool
	writeNPY  string
	writePNG  string
	columns   int
	resamples int
	jump      int
}

// compute is the flags that say how to compute.
type compute struct {
	fast    bool
	workers int
}

// add declares the flags of compute.
func (c *compute) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.fast, "fast", false, "fused arithmetic in any order: quicker, and the last bits differ between machines")
	cmd.Flags().IntVar(&c.workers, "workers", 0, "threads to compute with; 0 takes every core (images do not depend on it)")
}

// options returns c as an engine takes it.
func (c *compute) options() (engine.Options, error) {
	if c.workers < 0 || c.workers > 1024 {
		return engine.Options{}, misused("--workers is %d, need 0 to 1024", c.workers)
	}
	return engine.Options{Fast: c.fast, Workers: c.workers}, nil
}

// add declares the flags of r. What is not given is the model's to decide.
func (r *request) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVarP(&r.n, "number", "n", 1, "how many images")
	f.Uint64Var(&r.seed, "seed", 0, "seed of the noise; image i of a seed is the same whatever -n is")
	f.StringVar(&r.sampler, "sampler", "", "sampler, see tweedie inspect MODEL (default: the model's)")
	f.IntVar(&r.steps, "steps", 0, "steps of the sampler (default: the model's)")
	f.StringVar(&r.classes, "class", "", "class by number or name, or \"none\"; a comma list is dealt out in turn (default: all of them in turn)")
	f.Float64Var(&r.guidance, "guidance", 0, "weight of classifier-free guidance, 1 for none (default: the model's)")
	f.Float64Var(&r.eta, "eta", 0, "fresh noise of samplers that have it, 0 to 1 (default: the model's)")
	f.StringVarP(&r.writePNG, "output", "o", "", "PNG file for all images on one sheet")
	f.StringVar(&r.writeNPY, "npy", "", "npy file for the pixels, uint8 [N,H,W,C]")
	f.IntVar(&r.columns, "columns", 0, "columns of the sheet; 0 chooses")
	f.BoolVar(&r.json, "json", false, "print the result as JSON")
	r.compute.add(cmd)
}

// addInpaint declares the flags that only inpainting has.
func (r *request) addInpaint(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.resamples, "resample", 1, "how often each stretch of steps is walked (RePaint), 1 for once")
	cmd.Flags().IntVar(&r.jump, "jump", 0, "steps of a stretch that is walked again (default: 10)")
}

// engine returns the request as the engine takes it: only flags that were given
// are in it. The error names a flag that no model could serve.
func (r *request) engine(cmd *cobra.Command) (engine.Request, error) {
	given := cmd.Flags().Changed
	q := engine.Request{N: &r.n, Seed: engine.Seed(r.seed), Sampler: r.sampler}
	if given("steps") {
		q.Steps = &r.steps
	}
	if given("guidance") {
		q.Guidance = &r.guidance
	}
	if given("eta") {
		q.Eta = &r.eta
	}
	if given("resample") {
		q.Resample = &r.resamples
	}
	if given("jump") {
		q.Jump = &r.jump
	}
	if given("class") {
		for name := range strings.SplitSeq(r.classes, ",") {
			q.Class = append(q.Class, engine.Class(strings.TrimSpace(name)))
		}
	}
	if r.columns < 0 || r.columns > math.MaxInt16 {
		return q, misused("--columns is %d, need 0 to %d", r.columns, math.MaxInt16)
	}
	if err := needSuffix("-o", r.writePNG, ".png"); err != nil {
		return q, err
	}
	if err := needSuffix("--npy", r.writeNPY, ".npy"); err != nil {
		return q, err
	}
	if err := q.Validate(); err != nil {
		return q, &misuse{err}
	}
	return q, nil
}

// needSuffix reports that the file of a flag, if one is given, is not named as
// what it will hold.
func needSuffix(flag, path, suffix string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), suffix) {
		return misused("%s is %q, need a file name ending in %s", flag, path, suffix)
	}
	return nil
}
