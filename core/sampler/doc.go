// Package sampler turns noise into images: noise schedules, and solvers that
// walk a denoiser down them.
//
// A sampler knows a diffusion.Denoiser and a schedule and nothing else. It works
// in the coordinates of Karras et al. 2022, arXiv:2206.00364: x = x₀ + σ·ε.
// Its schedule, sigmas, holds K+1 noise levels in units of pixels that span
// [−1,1], strictly falling, and most often ends in 0; K is the number of steps.
// The probability-flow ODE in these coordinates is dx/dσ = (x − D(x;σ))/σ.
//
// One method, one file: Euler, Heun, DDIM, DPMpp2M are solvers of the ODE, or
// nearly so; DDPM and DDIM with eta above 0 add noise at every step. Methods
// lists them, and Run calls one by the name that a Settings holds.
//
// Noise is addressed, not consumed (see Noise), so sample i of a batch is the
// same image whatever else is in the batch. Coefficients are worked out in
// float64 and rounded once; with the same denoiser every machine returns the
// same bytes.
package sampler
