package engine

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
)

// Guide turns guidance of later requests into autoguidance (Karras et al. 2024,
// arXiv:2406.02507): D₀ + w·(D₁ − D₀), away from the images that a worse model expects
// of the same class, where w is the request's guidance. worse is used in place: it must
// serve no request meanwhile. The error says what does not fit the model.
func (e *Engine) Guide(worse *Engine) error {
	a, b := e.info, worse.info
	switch {
	case a.Shape != b.Shape:
		return fmt.Errorf("engine: guide: the shape of images must be the model's, %v (got %v)", a.Shape, b.Shape)
	case !slices.Equal(a.Classes, b.Classes):
		return fmt.Errorf("engine: guide: classes must be the model's, %s (got %s)", classList(a.Classes), classList(b.Classes))
	case a.Unconditional && !b.Unconditional:
		return errors.New("engine: guide: the model has a null class, and the one that guides it must have one too")
	case b.Sigma.Min > a.Sigma.Min || b.Sigma.Max < a.Sigma.Max:
		return fmt.Errorf("engine: guide: noise levels must cover the model's, %g to %g (got %g to %g)", a.Sigma.Min, a.Sigma.Max, b.Sigma.Min, b.Sigma.Max)
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
