// Package sampler turns noise into images. It has noise schedules, and solvers
// that evaluate a denoiser along a schedule.
//
// A sampler knows a diffusion.Denoiser and a schedule and nothing else. It works
// in the coordinates of Karras et al. 2022, arXiv:2206.00364: x = x₀ + σ·ε.
// The schedule, sigmas, holds K+1 strictly decreasing noise levels in units of
// pixels that span [−1,1]; the last one is usually 0. K is the number of steps.
// The probability-flow ODE in these coordinates is dx/dσ = (x − D(x;σ))/σ.
//
// There is one file for each method or family:
//
//	multistep ODE solvers    DPMpp2M, DPMSolverMultistep, DPMSolverPPMultistep, RESMultistep,
//	                         UniPC, UniPCNoise, DEIS, LMS, IPNDM, PNDM, GradientEstimation;
//	                         most share one implementation (see integral and rule)
//	single-step ODE solvers  Euler, Heun, DPMSolver, DPMSolverPP, DPMFast, FlowEuler,
//	                         FlowHeun, all but DPMFast also with churn; RK45 and DPMAdaptive
//	                         choose their own step sizes
//	SDE solvers              DDIM with eta, DDPM, DDPMLearned, DDPMAnalytic,
//	                         EulerAncestral, DPM2Ancestral, SDEDPMSolver, SDEDPMSolverPP,
//	                         SDEDPMSolverPPSinglestep, DPMpp3MSDE, SASolver, ERSDE,
//	                         Restart, PredictorCorrector; AdaptiveSDE chooses its own
//	                         step sizes
//	distilled models         Consistency, LCM and TCD, for models that were made for them
//	Langevin dynamics        AnnealedLangevin; and Langevin, MALA and HMC for densities
//	                         that can be evaluated
//
// Methods lists the methods that sample any denoiser, and Run calls the one that
// a Settings names. In every method the step to 0 is x ← D(x;σ). Schedule names
// the spacings of the noise levels; Optimised computes levels for data with a
// known denoising error.
//
// Noise is addressed, not consumed (see Noise), so sample i of a batch is the
// same image whatever else is in the batch. The exceptions are the adaptive
// methods, which choose step sizes for the batch as a whole. The streams of
// core/rng are: StreamStart; StreamStep plus the step's index; further streams
// of the same step, StreamInner apart; and, from StreamPath on, the nodes of a
// Brownian path, which belong to noise levels and not to steps. Coefficients are
// computed in float64 and rounded once; with the same denoiser every machine
// returns the same bytes.
//
// x may have any shape [N,…] of at least two axes: [N,H,W,C] for images, [N,D] for
// points. Arguments that cannot be used, such as a nil denoiser, noise of another
// shape than x or a denoiser that returns another shape, are errors that say so.
package sampler
