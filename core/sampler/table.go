package sampler

import (
	"cmp"

	"tweedie/core/tensor"
)

// Methods lists the samplers for every model, the recommended one first. It is read
// only.
var Methods = []Method{
	{
		Name: "dpmpp2m", Title: "DPM-Solver++ (2M)", About: "Second order at the price of first; the best start at 10 to 30 steps (Lu 2022).",
		Evaluations: 1, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return DPMpp2M(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "ddim", Title: "DDIM", About: "First order; deterministic at eta 0, ancestral at eta 1 (Song 2021).",
		Eta: true, Evaluations: 1, Order: 1, Takes: ofPath,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDIM(r.denoise, r.x, r.sigmas, r.Eta, r.noise, r.hook)
		},
	},
	{
		Name: "ddpm", Title: "DDPM, small variance", About: "Ancestral sampling with the variance of the posterior; wants many steps (Ho 2020).",
		Noise: true, Evaluations: 1, Takes: ofPath,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPM(r.denoise, r.x, r.sigmas, VarianceSmall, r.noise, r.hook)
		},
	},
	{
		Name: "ddpm-large", Title: "DDPM, large variance", About: "Ancestral sampling with the variance of the forward step; wants hundreds of steps (Ho 2020).",
		Noise: true, Evaluations: 1,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPM(r.denoise, r.x, r.sigmas, VarianceLarge, r.noise, r.hook)
		},
	},
	{
		Name: "heun", Title: "Heun", About: "Second order, two evaluations a step; with churn it goes back up a little before each (Karras 2022).",
		Evaluations: 2, Order: 2, Takes: []string{"s_churn", "s_tmin", "s_tmax", "s_noise"},
		run: func(r *run) (*tensor.Tensor, error) {
			return Heun(r.denoise, r.x, r.sigmas, r.Churn, r.noise, r.hook)
		},
	},
	{
		Name: "euler", Title: "Euler", About: "First order; the plainest way down the ODE.",
		Evaluations: 1, Order: 1,
		run: func(r *run) (*tensor.Tensor, error) { return Euler(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "unipc", Title: "UniPC", About: "A predictor, and a corrector that costs nothing: one order more than it says (Zhao 2023).",
		Evaluations: 1, Order: 4, Orders: 3, Takes: []string{"order", "bh"},
		run: func(r *run) (*tensor.Tensor, error) {
			return UniPC(r.denoise, r.x, r.sigmas, r.order, cmp.Or(r.BH, 2), r.hook)
		},
	},
	{
		Name: "dpmpp-multistep", Title: "DPM-Solver++ (3M)", About: "DPM-Solver++ with a longer memory, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: ofOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverPPMultistep(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpmpp-singlestep", Title: "DPM-Solver++ (3S)", About: "DPM-Solver++ without a memory, orders 1 to 3, as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: ofOrder, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverPP(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm-multistep", Title: "DPM-Solver (3M)", About: "The solver on the predicted noise with a memory, orders 1 to 3 (Lu 2022).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: ofOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolverMultistep(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm-singlestep", Title: "DPM-Solver-3", About: "The solver on the predicted noise without a memory, orders 1 to 3, as many evaluations a step (Lu 2022).",
		Evaluations: 3, Order: 3, Orders: 3, Takes: ofOrder, nfe: nfeOfOrder,
		run: func(r *run) (*tensor.Tensor, error) {
			return DPMSolver(r.denoise, r.x, r.sigmas, r.order, r.hook)
		},
	},
	{
		Name: "dpm2", Title: "DPM2", About: "DPM-Solver-2: second order by the level half way, two evaluations a step (Lu 2022, Crowson).",
		Evaluations: 2, Order: 2,
		run: func(r *run) (*tensor.Tensor, error) { return DPMSolver(r.denoise, r.x, r.sigmas, 2, r.hook) },
	},
	{
		Name: "deis", Title: "DEIS", About: "Exponential integrator with a memory in log noise level, orders 1 to 3 (Zhang 2023).",
		Evaluations: 1, Order: 3, Orders: 3, Takes: ofOrder,
		run: func(r *run) (*tensor.Tensor, error) { return DEIS(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "lms", Title: "LMS", About: "Adams and Bashforth's linear multistep method, orders 1 to 4.",
		Evaluations: 1, Order: 4, Orders: 4, Takes: ofOrder,
		run: func(r *run) (*tensor.Tensor, error) { return LMS(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "ipndm", Title: "iPNDM", About: "The multistep weights of even levels, orders 1 to 4; second order on other levels (Zhang 2023).",
		Evaluations: 1, Order: 4, Orders: 4, Takes: ofOrder,
		run: func(r *run) (*tensor.Tensor, error) { return IPNDM(r.denoise, r.x, r.sigmas, r.order, r.hook) },
	},
	{
		Name: "pndm", Title: "PNDM", About: "iPNDM of order 4 after three Runge-Kutta steps of four evaluations (Liu 2022).",
		Evaluations: 1, Order: 4,
		run: func(r *run) (*tensor.Tensor, error) { return PNDM(r.denoise, r.x, r.sigmas, r.hook) },
		nfe: func(_ Options, steps int) int { return steps + 3*min(steps, pndmStart) },
	},
	{
		Name: "rk45", Title: "RK45, adaptive", About: "Dormand and Prince's method takes the steps that its tolerance asks for (Song 2021).",
		Adaptive: true, Evaluations: 7, Order: 5, Takes: ofTolerance, RTol: 1e-5, ATol: 1e-5, // Song et al. 2021, appendix D.4
		run: func(r *run) (*tensor.Tensor, error) {
			return RK45(r.denoise, r.x, r.sigmas, r.tolerance, r.hook)
		},
	},
	{
		Name: "euler-ancestral", Title: "Euler ancestral", About: "Below the next level, and back to it with fresh noise: DDIM at eta 1 (Crowson).",
		Noise: true, Evaluations: 1, Takes: ofPath,
		run: func(r *run) (*tensor.Tensor, error) {
			return EulerAncestral(r.denoise, r.x, r.sigmas, r.noise, r.hook)
		},
	},
	{
		Name: "dpm2-ancestral", Title: "DPM2 ancestral", About: "DPM2 below the next level, and back to it with fresh noise (Crowson).",
		Noise: true, Evaluations: 2, Takes: ofPath,
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
		Name: "sde-dpmpp-singlestep", Title: "SDE-DPM-Solver++ (2S)", About: "DPM-Solver++ for the reverse SDE without a memory, two evaluations a step (Lu 2022, Crowson).",
		Noise: true, Evaluations: 2, Takes: ofPath, halves: true,
		run: func(r *run) (*tensor.Tensor, error) {
			return SDEDPMSolverPPSinglestep(r.denoise, r.x, r.sigmas, r.noise, r.hook)
		},
	},
	{
		Name: "sde-dpm", Title: "SDE-DPM-Solver (2M)", About: "DPM-Solver on the predicted noise for the reverse SDE, orders 1 and 2; in fewer than thirty steps its noise grows (Lu 2022).",
		Noise: true, Evaluations: 1, Orders: 2, Takes: []string{"order", "brownian"},
		run: func(r *run) (*tensor.Tensor, error) {
			return SDEDPMSolver(r.denoise, r.x, r.sigmas, r.order, r.noise, r.hook)
		},
	},
	{
		Name: "adaptive-sde", Title: "Gotta go fast, adaptive", About: "The reverse SDE in the steps that its tolerance asks for (Jolicoeur-Martineau 2021).",
		Noise: true, Adaptive: true, Evaluations: 2, Takes: ofTolerance, RTol: 0.02, ATol: 2. / 256, // Jolicoeur-Martineau et al. 2021, section 4
		run: func(r *run) (*tensor.Tensor, error) {
			return AdaptiveSDE(r.denoise, r.x, r.sigmas, r.tolerance, r.noise, r.hook)
		},
	},
	{
		Name: "pc", Title: "Predictor-corrector", About: "A step of the reverse SDE, then Langevin steps at the new level; wants hundreds of steps (Song 2021).",
		Noise: true, Evaluations: 2, Takes: []string{"predictor", "corrector", "corrector_steps", "snr"},
		run: func(r *run) (*tensor.Tensor, error) {
			return PredictorCorrector(r.denoise, r.x, r.sigmas, cmp.Or(r.Predictor, Predictors[0]), cmp.Or(r.Corrector, Correctors[0]),
				r.correctorSteps(), cmp.Or(r.SNR, songSNR), r.noise, r.hook)
		},
		nfe: func(o Options, steps int) int { return steps * (1 + o.correctorSteps()) },
	},
	{
		Name: "annealed-langevin", Title: "Annealed Langevin", About: "Many small Langevin steps at every level, and nothing else: hundreds of evaluations (Song 2019).",
		Noise: true, Evaluations: annealedSteps,
		Takes: []string{"corrector_steps", "epsilon"},
		run: func(r *run) (*tensor.Tensor, error) {
			return AnnealedLangevin(r.denoise, r.x, r.sigmas, cmp.Or(r.CorrectorSteps, annealedSteps), r.Epsilon, r.noise, r.hook)
		},
		nfe: func(o Options, steps int) int { return (steps + 1) * cmp.Or(o.CorrectorSteps, annealedSteps) },
	},
	{
		Name: "flow-euler", Title: "Flow, Euler", About: "Euler's rule on straight paths, even in their time (Lipman 2023).",
		Evaluations: 1, Order: 1, Schedule: KindFlow,
		run: func(r *run) (*tensor.Tensor, error) { return FlowEuler(r.denoise, r.x, r.sigmas, r.hook) },
	},
	{
		Name: "flow-heun", Title: "Flow, Heun", About: "Heun's rule on straight paths, even in their time, two evaluations a step (Lipman 2023).",
		Evaluations: 2, Order: 2, Schedule: KindFlow,
		run: func(r *run) (*tensor.Tensor, error) { return FlowHeun(r.denoise, r.x, r.sigmas, r.hook) },
	},
}

// What a model needs for a method of Special: Method.Needs.
const (
	NeedsVariances   = "variances"   // a denoiser with 2C channels: see DDPMLearned
	NeedsPosterior   = "posterior"   // Settings.Posterior
	NeedsConsistency = "consistency" // a consistency function in the place of D
)

// Special lists the samplers for models that have more than D, or another thing in its
// place. It is read only.
var Special = []Method{
	{
		Name: "consistency", Title: "Consistency", About: "An image in one evaluation; each further step adds noise and evaluates again (Song 2023).",
		Needs: NeedsConsistency, Noise: true, Evaluations: 1, above: true,
		run: func(r *run) (*tensor.Tensor, error) { return Consistency(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "ddpm-learned", Title: "DDPM, learned variance", About: "Ancestral sampling with the variance that the network says (Nichol 2021).",
		Needs: NeedsVariances, Noise: true, Evaluations: 1, Takes: ofPath,
		run: func(r *run) (*tensor.Tensor, error) { return DDPMLearned(r.denoise, r.x, r.sigmas, r.noise, r.hook) },
	},
	{
		Name: "ddpm-analytic", Title: "DDPM, analytic variance", About: "Ancestral sampling with the variance that is best on average: Analytic-DPM (Bao 2022).",
		Needs: NeedsPosterior, Noise: true, Evaluations: 1, Takes: ofPath,
		run: func(r *run) (*tensor.Tensor, error) {
			return DDPMAnalytic(r.denoise, r.x, r.sigmas, r.Posterior, r.noise, r.hook)
		},
	},
}

// What several methods take.
var (
	ofOrder     = []string{"order"}
	ofPath      = []string{"brownian"}
	ofTolerance = []string{"rtol", "atol"}
)

// nfeOfOrder is the cost of a solver that calls the denoiser order times a step.
func nfeOfOrder(o Options, steps int) int { return steps * cmp.Or(o.Order, 3) }

// songSNR is r of Song et al. 2021, appendix G.
const songSNR = 0.16

// correctorSteps returns the steps of PredictorCorrector's corrector.
func (o Options) correctorSteps() int {
	if o.Corrector == CorrectorNone {
		return 0
	}
	return cmp.Or(o.CorrectorSteps, 1)
}
