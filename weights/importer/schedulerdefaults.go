package importer

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"tweedie/core/diffusion"
	"tweedie/core/sampler"
)

// sampledBy reads how a scheduler with a chain samples, as far as the settings belong to the
// model: how denoised images are kept in the range of pixels, and the spacing of noise levels.
func (p *process) sampledBy(members map[string]json.RawMessage) error {
	var class, spacing, variance string
	var clip *bool
	var thresholding, karras, exponential bool
	clipRange, percentile, most := 1.0, 0.995, 1.0
	err := read(members, map[string]any{
		"_class_name": &class, "variance_type": &variance, "timestep_spacing": &spacing, "use_karras_sigmas": &karras, "use_exponential_sigmas": &exponential, "clip_sample": &clip,
		"clip_sample_range": &clipRange, "thresholding": &thresholding, "dynamic_thresholding_ratio": &percentile, "sample_max_value": &most,
	})
	if err != nil {
		return err
	}
	if strings.HasPrefix(class, "DDPM") && variance == "learned" {
		return fmt.Errorf("variance_type must be learned_range, which interpolates between the smallest and the largest variance, or a fixed one (got %q)", variance)
	}
	// Other classes may have the setting from another scheduler, and ignore it.
	clips := false
	for _, name := range []string{"DDPM", "DDIM", "RePaint"} {
		clips = clips || strings.HasPrefix(class, name) && or(clip, true)
	}
	for _, name := range []string{"Heun", "LCM", "TCD"} {
		clips = clips || strings.HasPrefix(class, name) && or(clip, false)
	}
	p.variance = variance
	d := &p.sampling
	switch {
	case thresholding && !(percentile > 0 && percentile <= 1 && most >= 1 && most <= math.MaxFloat32):
		return fmt.Errorf("dynamic_thresholding_ratio must be in (0, 1] and sample_max_value at least 1 (got %g and %g)", percentile, most)
	case thresholding && most > 1:
		d.Threshold, d.Percentile, d.ThresholdMax = "dynamic", percentile, most
		p.note("denoised images are thresholded dynamically, at the quantile %g and to at most %g, as by its scheduler", percentile, most)
	case thresholding:
		d.Threshold = "static"
		p.note("denoised images are clipped to the range of pixels, as by its scheduler's thresholding with a sample_max_value of 1")
	case clips && clipRange != 1:
		p.note("denoised images are not clipped: its scheduler clips them to ±%g, which is not the range of pixels", clipRange)
	case clips:
		d.Threshold = "static"
		p.note("denoised images are clipped to the range of pixels, as by its scheduler")
	}
	switch spacing {
	case "", sampler.KindLeading, sampler.KindTrailing, sampler.KindLinspace:
		d.Schedule = spacing
	default:
		return fmt.Errorf("timestep_spacing must be leading, trailing or linspace (got %q)", spacing)
	}
	if karras {
		d.Schedule = sampler.KindKarras
	} else if exponential {
		d.Schedule = sampler.KindExponential
	}
	return nil
}

func (p *process) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// zeroSNR rescales the chain's √ᾱ so that the last is 0 and the first is unchanged (Lin et al.
// 2023, arXiv:2305.08891, Algorithm 1). The last step, where no signal is left, is omitted
// because its noise level is infinite.
func (p *process) zeroSNR() error {
	chain, err := diffusion.NewChain(*p.schedule)
	if err != nil {
		return err
	}
	root := func(t int) float64 { return 1 / math.Sqrt(1+float64(chain.Sigmas[t]*chain.Sigmas[t])) } // √ᾱ
	n := len(chain.Sigmas)
	if n < 3 {
		return fmt.Errorf("rescale_betas_zero_snr must have at least 3 steps (got %d)", n)
	}
	first, last := root(0), root(n-1)
	betas, before := make([]float64, n-1), 1.0
	for t := range betas {
		now := (root(t) - last) * first / (first - last)
		betas[t] = 1 - now*now/(before*before)
		before = now
	}
	p.schedule = &diffusion.Schedule{Kind: diffusion.Table, Betas: betas}
	p.note("the last step of its chain is pure noise (rescale_betas_zero_snr): sampling begins at the one before")
	return nil
}
