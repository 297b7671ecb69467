package sampler

import (
	"cmp"

	"tweedie/core/tensor"
)

// Methods lists the samplers that work with every model, the recommended one first.
// It is read only.
var Methods = []Method{
	{
		Name: "dpmpp2m", Title: "DPM-Solver++ (2M)", About: "Second order at the cost of first; a good default for 10 to 30 steps (Lu 2022).",
		Evaluations: 1, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return DPMpp2M(r.denoise, r.x, r.sigmas, r.hook) },
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
		Evaluations: 2, Order: 2, Takes: []string{"s_churn", "s_tmin", "s_tmax", "s_noise"},
		run: func(r *run) (*tensor.Tensor, error) {
			return heun(r.denoise, r.x, r.sigmas, r.whole, r.Churn, r.noise, r.hook)
		},
	},
	{
		Name: "euler", Title: "Euler", About: "First order; the simplest ODE solver.",
		Evaluations: 1, Order: 1,
		run: func(r *run) (*tensor.Tensor, error) { return Euler(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "unipc", Title: "UniPC", About: "A predictor and a corrector that needs no extra evaluation: one order more than the setting (Zhao 2023).",
		Evaluations: 1, Order: 4, Orders: 3, FewSteps: 18, FewOrder: 2, Takes: []string{"order", "bh"},
		run: func(r *run) (*tensor.Tensor, error) {
			return UniPC(r.denoise, r.x, r.sigmas, r.order, cmp.Or(r.BH, 2), r.hook)
		},
	},
	{
		Name: "dpmpp-multistep", Title: "DPM-Solver++ (3M)", About: "Multistep DPM-Solver++, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, FewSteps: 15, FewOrder: 2, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverPPMultistep(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpmpp-singlestep", Title: "DPM-Solver++ (3S)", About: "Single-step DPM-Solver++, orders 1 to 3 with as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: orderOptions, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverPP(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm-multistep", Title: "DPM-Solver (3M)", About: "Multistep DPM-Solver with noise prediction, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverMultistep(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm-singlestep", Title: "DPM-Solver-3", About: "Single-step DPM-Solver with noise prediction, orders 1 to 3 with as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: orderOptions, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolver(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm2", Title: "DPM2", About: "DPM-Solver-2: a second-order midpoint method, two evaluations a step (Lu 2022, Crowson).",
		Evaluations: 2, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return DPMSolver(r.denoise, r.x, r.sigmas, 2, r.hook) },
	},
	{
		Name: "deis", Title: "DEIS", About: "Multistep exponential integrator in the log noise level, orders 1 to 3 (Zhang 2023).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) { return DEIS(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "lms", Title: "LMS", About: "Adams-Bashforth linear multistep method, orders 1 to 4.",
		Evaluations: 1, Order: 4, Orders: 4, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) { return LMS(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "ipndm", Title: "iPNDM", About: "Multistep weights for evenly spaced levels, orders 1 to 4; second order on other levels (Zhang 2023).",
		Evaluations: 1, Order: 4, Orders: 4, FewSteps: 13, FewOrder: 3, Takes: orderOptions,
		run: func(r *run) (*tensor.Tensor, error) { return IPNDM(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "pndm", Title: "PNDM", About: "iPNDM of order 4 after three Runge-Kutta steps of four evaluations (Liu 2022).",
		Evaluations: 1, Order: 4,
		run: func(r *run) (*tensor.Tensor, error) { return PNDM(r.denoise, r.x, r.sigmas, r.hook) },
		nfe: func(_ Options, steps int) int { return steps + 3*min(steps, pndmStart) },
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
		Noise: true, Evaluations: 1, Orders: 2, Takes: []string{"order", "brownian"},
		run: func(r *run) (*tensor.Tensor, error) {
			return SDEDPMSolverPP(r.denoise, r.x, r.sigmas, r.order, r.noise, r.hook)
		},
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
		Noise: true, Evaluations: 1, Orders: 2, Takes: []string{"order", "brownian"},
		run: func(r *run) (*tensor.Tensor, error) {
			return SDEDPMSolver(r.denoise, r.x, r.sigmas, r.order, r.noise, r.hook)
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
		Evaluations: 1, Order: 1, Schedule: KindFlow,
		run: func(r *run) (*tensor.Tensor, error) { return FlowEuler(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "flow-heun", Title: "Flow, Heun", About: "Heun's method for rectified flow, with levels evenly spaced in its time, two evaluations a step (Lipman 2023).",
		Evaluations: 2, Order: 2, Schedule: KindFlow,
		run: func(r *run) (*tensor.Tensor, error) { return FlowHeun(r.denoise, r.x, r.sigmas, r.hook) },
	},
}

// The requirements of the methods in Special on a model: Method.Needs.
const (
	NeedsVariances   = "variances"   // a denoiser with 2C channels: see DDPMLearned
	NeedsPosterior   = "posterior"   // Settings.Posterior
	NeedsConsistency = "consistency" // a consistency function instead of D
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
	pathOptions      = []string{"brownian"}
	toleranceOptions = []string{"rtol", "atol"}
)

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
