package sampler

import (
	"cmp"

	"tweedie/core/diffusion"
	"tweedie/core/tensor"
)

// Methods lists the samplers that work with every model, the recommended one first.
// It is read only.
var Methods = []Method{
	{
		Name: "dpmpp2m", Title: "DPM-Solver++ (2M)", About: "Second order at the cost of first; a good default for 10 to 30 steps (Lu 2022).",
		Evaluations: 1, Order: 2, Takes: []string{"solver_type"},
		run: func(r *run) (*tensor.Tensor, error) {
			if r.SolverType == SolverHeun {
				return RESMultistep(r.denoise, r.x, r.sigmas, r.hook)
			}
			return DPMpp2M(r.denoise, r.x, r.sigmas, r.hook)
		},
	},
	{
		Name: "ddim", Title: "DDIM", About: "First order; deterministic at eta 0, ancestral at eta 1 (Song 2021).",
		Eta: true, Evaluations: 1, Order: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDIM(r.denoise, r.x, r.sigmas, r.Eta, r.noise, r.hook)
		},
	},
	{
		Name: "ddpm", Title: "DDPM, small variance", About: "Ancestral sampling with the variance of the posterior; needs many steps (Ho 2020).",
		Noise: true, Evaluations: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPM(r.denoise, r.x, r.sigmas, VarianceSmall, r.noise, r.hook)
		},
	},
	{
		Name: "ddpm-large", Title: "DDPM, large variance", About: "Ancestral sampling with the variance of the forward step; needs hundreds of steps (Ho 2020).",
		Noise: true, Evaluations: 1,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPM(r.denoise, r.x, r.sigmas, VarianceLarge, r.noise, r.hook)
		},
	},
	{
		Name: "heun", Title: "Heun", About: "Second order, two evaluations a step; churn adds a little noise before each step (Karras 2022).",
		Evaluations: 2, Order: 2, Takes: churnOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return lifted(r, heun)
		},
	},
	{
		Name: "euler", Title: "Euler", About: "First order; the simplest ODE solver.",
		Evaluations: 1, Order: 1, Takes: churnOptions,
		run: func(r *run) (*tensor.Tensor, error) { return lifted(r, euler) },
	},
	{
		Name: "unipc", Title: "UniPC", About: "A predictor and a corrector that needs no extra evaluation: one order more than the setting (Zhao 2023).",
		Evaluations: 1, Order: 4, Orders: 3, FewSteps: 18, FewOrder: 2, Takes: []string{"order", "bh", "lower_order_final"},
		run: func(r *run) (*tensor.Tensor, error) {
			return unipc(r.denoise, r.x, r.sigmas, dataOverLambda, r.order, cmp.Or(r.BH, 2), r.ending(), r.hook)
		},
	},
	{
		Name: "unipc-noise", Title: "UniPC, noise prediction", About: "UniPC on the predicted noise instead of the predicted image (Zhao 2023).",
		Evaluations: 1, Order: 4, Orders: 3, FewSteps: 18, FewOrder: 2, Takes: []string{"order", "bh", "lower_order_final"},
		run: func(r *run) (*tensor.Tensor, error) {
			return unipc(r.denoise, r.x, r.sigmas, noiseOverLambda, r.order, cmp.Or(r.BH, 2), r.ending(), r.hook)
		},
	},
	{
		Name: "dpmpp-multistep", Title: "DPM-Solver++ (3M)", About: "Multistep DPM-Solver++, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, FewSteps: 15, FewOrder: 2, Takes: dpmOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return r.multistep(dataOverLambda, secondOrder(r.SolverType))
		},
	},
	{
		Name: "res-multistep", Title: "RES (2M)", About: "Refined exponential solver: DPM-Solver++ (2M) with the line through two values integrated exactly (Zhang 2023).",
		Evaluations: 1, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return RESMultistep(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "dpmpp-singlestep", Title: "DPM-Solver++ (3S)", About: "Single-step DPM-Solver++, orders 1 to 3 with as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: singleOptions, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) { return r.singlestep(dataOverLambda, r.order) },
	},
	{
		Name: "dpm-multistep", Title: "DPM-Solver (3M)", About: "Multistep DPM-Solver with noise prediction, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: dpmOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return r.multistep(noiseOverLambda, secondOrder(r.SolverType))
		},
	},
	{
		Name: "dpm-singlestep", Title: "DPM-Solver-3", About: "Single-step DPM-Solver with noise prediction, orders 1 to 3 with as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: singleOptions, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) { return r.singlestep(noiseOverLambda, r.order) },
	},
	{
		Name: "dpm-fast", Title: "DPM-Solver-fast", About: "DPM-Solver-3 with inner evaluations at the levels between: one evaluation a step (Lu 2022).",
		Evaluations: 1, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return DPMFast(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "dpm-adaptive", Title: "DPM-Solver, adaptive", About: "DPM-Solver-12 (order 1) or -23 (order 2); chooses its step sizes to meet a tolerance (Lu 2022).",
		Adaptive: true, Evaluations: 3, Order: 3, Orders: 2, Takes: []string{"order", "rtol", "atol"}, RTol: 0.05, ATol: 0.0078, // Lu et al. 2022, appendix C
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMAdaptive(r.denoise, r.x, r.sigmas, r.order, r.tolerance, r.hook)
		},
		nfe: func(o Options, steps int) int { return steps * (1 + cmp.Or(o.Order, 2)) },
	},
	{
		Name: "dpm2", Title: "DPM2", About: "DPM-Solver-2: a second-order midpoint method, two evaluations a step (Lu 2022, Crowson).",
		Evaluations: 2, Order: 2, Takes: churnOptions,
		run: func(r *run) (*tensor.Tensor, error) { return r.singlestep(noiseOverLambda, 2) },
	},
	{
		Name: "deis", Title: "DEIS", About: "Multistep exponential integrator in the log noise level, orders 1 to 3 (Zhang 2023).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: lastOptions,
		run: func(r *run) (*tensor.Tensor, error) { return r.multistep(noiseOverLambda, interpolationRule) },
	},
	{
		Name: "lms", Title: "LMS", About: "Adams-Bashforth linear multistep method, orders 1 to 4.",
		Evaluations: 1, Order: 4, Orders: 4, Takes: lastOptions,
		run: func(r *run) (*tensor.Tensor, error) { return r.multistep(noiseOverSigma, interpolationRule) },
	},
	{
		Name: "ipndm", Title: "iPNDM", About: "Multistep weights for evenly spaced levels, orders 1 to 4; second order on other levels (Zhang 2023).",
		Evaluations: 1, Order: 4, Orders: 4, FewSteps: 13, FewOrder: 3, Takes: lastOptions,
		run: func(r *run) (*tensor.Tensor, error) { return r.multistep(noiseOverSigma, adamsRule) },
	},
	{
		Name: "pndm", Title: "PNDM", About: "iPNDM of order 4 after three Runge-Kutta steps of four evaluations (Liu 2022).",
		Evaluations: 1, Order: 4,
		run: func(r *run) (*tensor.Tensor, error) { return PNDM(r.denoise, r.x, r.sigmas, r.hook) },
		nfe: func(_ Options, steps int) int { return steps + 3*min(steps, pndmStart) },
	},
	{
		Name: "gradient-estimation", Title: "Gradient estimation", About: "Euler along a slope extrapolated from the last two: better pictures, not a better solution (Permenter 2023).",
		Evaluations: 1, Order: 1, Takes: []string{"gamma"}, gammaMin: 1, gammaMax: 5,
		run: func(r *run) (*tensor.Tensor, error) {
			return GradientEstimation(r.denoise, r.x, r.sigmas, cmp.Or(r.Gamma, defaultGamma), r.hook)
		},
	},
	{
		Name: "rk45", Title: "RK45, adaptive", About: "Dormand-Prince method; chooses its step sizes to meet a tolerance (Song 2021).",
		Adaptive: true, Evaluations: 7, Order: 5, Takes: toleranceOptions, RTol: 1e-5, ATol: 1e-5, // Song et al. 2021, appendix D.4
		run: func(r *run) (*tensor.Tensor, error) {
			return RK45(r.denoise, r.x, r.sigmas, r.tolerance, r.hook)
		},
	},
	{
		Name: "euler-ancestral", Title: "Euler ancestral", About: "An Euler step below the next level, then fresh noise up to it: DDIM at eta 1 (Crowson).",
		Noise: true, Evaluations: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return EulerAncestral(r.denoise, r.x, r.sigmas, r.noise, r.hook)
		},
	},
	{
		Name: "dpm2-ancestral", Title: "DPM2 ancestral", About: "A DPM2 step below the next level, then fresh noise up to it (Crowson).",
		Noise: true, Evaluations: 2, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPM2Ancestral(r.denoise, r.x, r.sigmas, r.noise, r.hook)
		},
	},
	{
		Name: "sde-dpmpp", Title: "SDE-DPM-Solver++ (2M)", About: "DPM-Solver++ for the reverse SDE, orders 1 and 2: fresh noise at every step (Lu 2022).",
		Noise: true, Evaluations: 1, Orders: 2, Takes: []string{"order", "solver_type", "brownian"},
		run: func(r *run) (*tensor.Tensor, error) {
			return sdeMultistep(r.denoise, r.x, r.sigmas, dataOverLambda, r.order, r.SolverType, r.noise, r.hook)
		},
	},
	{
		Name: "dpmpp3m-sde", Title: "DPM-Solver++ (3M) SDE", About: "Multistep DPM-Solver++ with three values for the reverse SDE: fresh noise at every step (Lu 2022, Crowson).",
		Noise: true, Evaluations: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) { return DPMpp3MSDE(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "sa-solver", Title: "SA-Solver", About: "Stochastic Adams predictor and corrector, with an adjustable amount of noise (Xue 2023).",
		Noise: true, Evaluations: 1, Orders: 3, FewSteps: 18, FewOrder: 2, Takes: []string{"order", "tau", "lower_order_final"},
		run: func(r *run) (*tensor.Tensor, error) {
			return saSolver(r.denoise, r.x, r.sigmas, r.order, cmp.Or(r.Tau, 1), r.noise, r.ending(), r.hook)
		},
	},
	{
		Name: "er-sde", Title: "ER-SDE", About: "Solver of an extended reverse SDE, with less noise than the reverse SDE, orders 1 to 3 (Cui 2023).",
		Noise: true, Evaluations: 1, Orders: 3, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return ERSDE(r.denoise, r.x, r.sigmas, r.order, r.noise, r.hook)
		},
	},
	{
		Name: "restart", Title: "Restart", About: "Heun, which at a low level goes back to a higher one several times, with fresh noise (Xu 2023).",
		Noise: true, Evaluations: 2, Takes: []string{"restarts", "restart_steps", "restart_tmin", "restart_tmax"},
		run: func(r *run) (*tensor.Tensor, error) {
			return restart(r.denoise, r.x, r.sigmas, r.whole, r.Restarts, r.noise, r.hook)
		},
		nfe: func(o Options, steps int) int { return 2*steps + min(steps, 1)*o.Restarts.nfe() },
	},
	{
		Name: "sde-dpmpp-singlestep", Title: "SDE-DPM-Solver++ (2S)", About: "Single-step DPM-Solver++ for the reverse SDE, two evaluations a step (Lu 2022, Crowson).",
		Noise: true, Evaluations: 2, Takes: pathOptions, halfSteps: true,
		run: func(r *run) (*tensor.Tensor, error) {
			return SDEDPMSolverPPSinglestep(r.denoise, r.x, r.sigmas, r.noise, r.hook)
		},
	},
	{
		Name: "sde-dpm", Title: "SDE-DPM-Solver (2M)", About: "DPM-Solver with noise prediction for the reverse SDE, orders 1 and 2; unstable below thirty steps (Lu 2022).",
		Noise: true, Evaluations: 1, Orders: 2, Takes: []string{"order", "solver_type", "brownian"},
		run: func(r *run) (*tensor.Tensor, error) {
			return sdeMultistep(r.denoise, r.x, r.sigmas, noiseOverLambda, r.order, r.SolverType, r.noise, r.hook)
		},
	},
	{
		Name: "adaptive-sde", Title: "Gotta go fast, adaptive", About: "Solver of the reverse SDE; chooses its step sizes to meet a tolerance (Jolicoeur-Martineau 2021).",
		Noise: true, Adaptive: true, Evaluations: 2, Takes: toleranceOptions, RTol: 0.02, ATol: 2. / 256, // Jolicoeur-Martineau et al. 2021, section 4
		run: func(r *run) (*tensor.Tensor, error) {
			return AdaptiveSDE(r.denoise, r.x, r.sigmas, r.tolerance, r.noise, r.hook)
		},
	},
	{
		Name: "pc", Title: "Predictor-corrector", About: "A step of the reverse SDE, then Langevin steps at the new level; needs hundreds of steps (Song 2021).",
		Noise: true, Evaluations: 2, Takes: []string{"predictor", "corrector", "corrector_steps", "snr"},
		run: func(r *run) (*tensor.Tensor, error) {
			return PredictorCorrector(r.denoise, r.x, r.sigmas, cmp.Or(r.Predictor, Predictors[0]), cmp.Or(r.Corrector, Correctors[0]),
				r.correctorSteps(), cmp.Or(r.SNR, songSNR), r.noise, r.hook)
		},
		nfe: func(o Options, steps int) int { return steps * (1 + o.correctorSteps()) },
	},
	{
		Name: "annealed-langevin", Title: "Annealed Langevin", About: "Many small Langevin steps at every noise level: hundreds of evaluations (Song 2019).",
		Noise: true, Evaluations: annealedSteps,
		Takes: []string{"corrector_steps", "epsilon"},
		run: func(r *run) (*tensor.Tensor, error) {
			return annealed(r.denoise, r.x, r.sigmas, r.whole, cmp.Or(r.CorrectorSteps, annealedSteps), r.Epsilon, r.noise, r.hook)
		},
		nfe: func(o Options, steps int) int { return (steps + 1) * cmp.Or(o.CorrectorSteps, annealedSteps) },
	},
	{
		Name: "flow-euler", Title: "Flow, Euler", About: "Euler's method for rectified flow, with levels evenly spaced in its time (Lipman 2023).",
		Evaluations: 1, Order: 1, Schedule: KindFlow, Takes: churnOptions,
		run: func(r *run) (*tensor.Tensor, error) { return lifted(r, euler) },
	},
	{
		Name: "flow-heun", Title: "Flow, Heun", About: "Heun's method for rectified flow, with levels evenly spaced in its time, two evaluations a step (Lipman 2023).",
		Evaluations: 2, Order: 2, Schedule: KindFlow, Takes: churnOptions,
		run: func(r *run) (*tensor.Tensor, error) { return lifted(r, flowHeun) },
	},
}

// The requirements of the methods in Special on a model: Method.Needs.
const (
	NeedsVariances   = "variances"   // a denoiser with 2C channels: see DDPMLearned
	NeedsPosterior   = "posterior"   // Settings.Posterior
	NeedsConsistency = "consistency" // a consistency function instead of D
	NeedsDistilled   = "distilled"   // a D that was distilled for few steps: lcm or tcd is the model's own sampler
)

// Special lists the samplers that need more of a model than D, or something else
// instead of D. It is read only.
var Special = []Method{
	{
		Name: "consistency", Title: "Consistency", About: "An image in one evaluation; each further step adds noise and evaluates again (Song 2023).",
		Needs: NeedsConsistency, Noise: true, Evaluations: 1, dropsLowest: true,
		run: func(r *run) (*tensor.Tensor, error) { return Consistency(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "lcm", Title: "LCM", About: "For models of latent consistency distillation: an image in one to eight evaluations (Luo 2023).",
		Needs: NeedsDistilled, Noise: true, Evaluations: 1,
		run: func(r *run) (*tensor.Tensor, error) { return LCM(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "tcd", Title: "TCD", About: "For models of trajectory consistency distillation: an image in one to eight evaluations (Zheng 2024).",
		Needs: NeedsDistilled, Noise: true, Evaluations: 1, Takes: []string{"gamma"}, gammaMax: 1,
		run: func(r *run) (*tensor.Tensor, error) {
			return TCD(r.denoise, r.x, r.sigmas, cmp.Or(r.Gamma, defaultTCDGamma), r.Chain, r.noise, r.hook)
		},
	},
	{
		Name: "ddpm-learned", Title: "DDPM, learned variance", About: "Ancestral sampling with the variance that the network predicts (Nichol 2021).",
		Needs: NeedsVariances, Noise: true, Evaluations: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) { return DDPMLearned(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "ddpm-analytic", Title: "DDPM, analytic variance", About: "Ancestral sampling with the optimal average variance: Analytic-DPM (Bao 2022).",
		Needs: NeedsPosterior, Noise: true, Evaluations: 1, Takes: pathOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPMAnalytic(r.denoise, r.x, r.sigmas, r.Posterior, r.noise, r.hook)
		},
	},
}

// Options that several methods take.
var (
	orderOptions     = []string{"order"}
	lastOptions      = []string{"order", "lower_order_final"}
	dpmOptions       = []string{"order", "lower_order_final", "solver_type"}
	churnOptions     = []string{"s_churn", "s_tmin", "s_tmax", "s_noise"}
	singleOptions    = append([]string{"order", "solver_type"}, churnOptions...)
	pathOptions      = []string{"brownian"}
	toleranceOptions = []string{"rtol", "atol"}
)

// lifted calls a solver that churn can lift, on the run's arguments.
func lifted(r *run, solve func(diffusion.Denoiser, *tensor.Tensor, []float32, lift, Hook) (*tensor.Tensor, error)) (*tensor.Tensor, error) {
	up, err := r.lift()
	if err != nil {
		return nil, err
	}
	return solve(r.denoise, r.x, r.sigmas, up, r.hook)
}

// singlestep calls the function of that name on the run's arguments.
func (r *run) singlestep(f integral, order int) (*tensor.Tensor, error) {
	return lifted(r, func(denoise diffusion.Denoiser, x *tensor.Tensor, sigmas []float32, up lift, hook Hook) (*tensor.Tensor, error) {
		return singlestep(denoise, x, sigmas, f, order, r.SolverType, up, hook)
	})
}

// multistep calls the function of that name on the run's arguments.
func (r *run) multistep(f integral, rule rule) (*tensor.Tensor, error) {
	return multistep(r.denoise, r.x, r.sigmas, f, r.order, 4, rule, r.ending(), r.hook)
}

// nfeOfOrder is the cost of a solver that calls the denoiser order times a step.
func nfeOfOrder(o Options, steps int) int { return steps * cmp.Or(o.Order, 3) }

// songSNR is r of Song et al. 2021, appendix G.
const songSNR = 0.16

// correctorSteps returns the number of corrector steps of PredictorCorrector.
func (o Options) correctorSteps() int {
	if o.Corrector == CorrectorNone {
		return 0
	}
	return cmp.Or(o.CorrectorSteps, 1)
}
