package engine

import (
	"errors"
	"fmt"
	"slices"

	"tweedie/core/diffusion"
)

// SetAutoguidance makes guidance of later requests autoguidance (Karras et al. 2024,
// arXiv:2406.02507): D₀ + w·(D₁ − D₀), where D₁ is the model's denoiser, D₀ that of a worse
// model for the same class and w the request's guidance. The engine worse is not copied: it
// must not serve requests at the same time. It is an error if worse does not fit the model.
func (e *Engine) SetAutoguidance(worse *Engine) error {
	a, b := e.info, worse.info
	switch {
	case a.Shape != b.Shape:
		return fmt.Errorf("engine: autoguidance: the shape of images must be the model's, %v (got %v)", a.Shape, b.Shape)
	case !slices.Equal(a.Classes, b.Classes):
		return fmt.Errorf("engine: autoguidance: classes must be the model's, %s (got %s)", classList(a.Classes), classList(b.Classes))
	case a.Unconditional && !b.Unconditional:
		return errors.New("engine: autoguidance: the worse model must have a null class, as the model has one")
	case b.Sigma.Min > a.Sigma.Min || b.Sigma.Max < a.Sigma.Max:
		return fmt.Errorf("engine: autoguidance: noise levels must cover the model's, %g to %g (got %g to %g)", a.Sigma.Min, a.Sigma.Max, b.Sigma.Min, b.Sigma.Max)
	}
	e.network, e.info.autoguided = autoguided{e.network, worse.network}, true
	return nil
}

// autoguided is a network with autoguidance by a worse one.
type autoguided struct {
	Network
	worse Network
}

// Guided implements Network.
func (a autoguided) Guided(class []int, g diffusion.Guidance) diffusion.Denoiser {
	alone := diffusion.Guidance{Scale: 1}
	denoise, err := diffusion.Guided(a.Network.Guided(class, alone), a.worse.Guided(class, alone), g)
	if err != nil {
		panic("engine: invalid guidance in a plan: " + err.Error()) // Check has validated it
	}
	return denoise
}
