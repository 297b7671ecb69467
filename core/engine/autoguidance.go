package engine

import (
	"fmt"
	"slices"

	"tweedie/core/diffusion"
)

// Guide makes guidance of later requests autoguidance (Karras et al. 2024,
// arXiv:2406.02507): D₀ + w·(D₁ − D₀), away from the images that a worse model expects
// of the same class, w being the request's guidance. worse is used in place; it serves
// no request meanwhile. The error says where the two do not go together.
func (e *Engine) Guide(worse *Engine) error {
	a, b := e.info, worse.info
	switch {
	case a.Shape != b.Shape:
		return fmt.Errorf("engine: guide: found images of %v, need the model's %v", b.Shape, a.Shape)
	case !slices.Equal(a.Classes, b.Classes) || a.Unconditional && !b.Unconditional:
		return fmt.Errorf("engine: guide: found classes %s, none of them %v, need the model's %s, %v", listing(b.Classes), b.Unconditional, listing(a.Classes), a.Unconditional)
	case b.Sigma.Min > a.Sigma.Min || b.Sigma.Max < a.Sigma.Max:
		return fmt.Errorf("engine: guide: found noise levels %g to %g, need all of the model's %g to %g", b.Sigma.Min, b.Sigma.Max, a.Sigma.Min, a.Sigma.Max)
	}
	e.network, e.info.guided = autoguided{e.network, worse.network}, true
	return nil
}

// autoguided is a network that is guided by a worse one.
type autoguided struct {
	Network
	worse Network
}

// Guided implements Network.
func (a autoguided) Guided(class []int, g diffusion.Guidance) diffusion.Denoiser {
	alone := diffusion.Guidance{Scale: 1}
	denoise, err := diffusion.Guided(a.Network.Guided(class, alone), a.worse.Guided(class, alone), g)
	if err != nil {
		panic("engine: guidance that no plan has: " + err.Error()) // Check has validated it
	}
	return denoise
}
