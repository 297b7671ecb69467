// Package sampler turns noise into images: noise schedules, and solvers that
// walk a denoiser down them.
//
// A sampler knows a diffusion.Denoiser and a schedule and nothing else. It works
// in the coordinates of Karras et al. 2022, arXiv:2206.00364: x = x₀ + σ·ε.
// Its schedule, sigmas, holds K+1 noise levels in units of pixels that span
// [−1,1], strictly falling, and most often ends in 0; K is the number of steps.
// The probability-flow ODE in these coordinates is dx/dσ = (x − D(x;σ))/σ.
//
// One method or family, one file. What papers call by many names is, here,
//
//	on the ODE, a memory   DPMpp2M, DPMSolverMultistep and -PPMultistep, UniPC, DEIS,
//	                       LMS, IPNDM, PNDM: but for the first, one engine (see form and rule)
//	on the ODE, afresh     Euler, Heun, DPMSolver, DPMSolverPP, FlowEuler, FlowHeun; RK45
//	                       chooses its steps
//	on the SDE             DDIM with eta, DDPM, -Learned and -Analytic, EulerAncestral,
//	                       DPM2Ancestral, SDEDPMSolver, SDEDPMSolverPP and -Singlestep,
//	                       Heun with churn, PredictorCorrector; AdaptiveSDE chooses its steps
//	in one step            Consistency, of a model that was trained for it
//	at a level             AnnealedLangevin; and for densities that can be evaluated
//	                       Langevin, MALA, HMC
//
// Methods lists those that sample a denoiser, and Run calls one by the name that a
// Settings holds. A step to 0 is D(x;σ), whatever the method. Schedule names the
// spacings of the levels; Optimised finds levels for data whose error is known.
//
// Noise is addressed, not consumed (see Noise), so sample i of a batch is the
// same image whatever else is in the batch; only the two adaptive methods choose
// their steps for a batch as a whole. Streams of core/rng: StreamStart, one a step
// from StreamStep, further ones of the same step StreamInner apart, and from
// StreamPath the nodes of a Brownian path, which belong to noise levels and not to
// steps. Coefficients are worked out in float64 and rounded once; with the same
// denoiser every machine returns the same bytes.
package sampler
