/**
 * Loads a model. The promise resolves when the first worker has loaded it.
 * @param url of the model's manifest, relative to the page
 */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>

export interface LoadOptions {
  /** The most workers; each holds a copy of the model. Default: the processor's threads, at most 8. */
  workers?: number
  /**
   * Called during `download` while the model's files arrive, once with `program` when they have
   * arrived and the wasm may still be loading, and once with `start` when the first worker begins to
   * verify and decode the model.
   */
  onProgress?(progress: { phase: 'download' | 'program' | 'start'; bytes: number; total: number }): void
  signal?: AbortSignal
}

/**
 * A model in a pool of workers. Calls may overlap: those that the pool has no worker for wait in
 * a queue. An aborted call rejects with an `AbortError` at once and the model stays usable; other
 * failures are `Error`s that say what was wrong and what is allowed. If a field of the call is
 * wrong, they are `FieldError`s.
 */
export class Model {
  readonly info: Readonly<ModelInfo>
  /** Generates images. */
  sample(options?: SampleOptions): Promise<Result>
  /** Repaints the masked part of an image. */
  inpaint(options: InpaintOptions): Promise<Result>
  /**
   * Evaluates the network once, without the process and without guidance.
   * @param x [N,C,H,W]
   * @param t N times, in the network's own unit
   * @param y N class numbers, or null
   * @returns [N,C,H,W]
   */
  forward(x: Float32Array, t: ArrayLike<number>, y?: ArrayLike<number> | null, options?: ForwardOptions): Promise<Float32Array>
  /**
   * The likelihood of an image in bits per dimension, by the probability-flow ODE with Hutchinson's
   * estimate of the divergence and uniform dequantization. `tweedie likelihood` computes the same
   * numbers. The first call fetches a larger program, tweedie-likelihood.wasm; its workers end
   * with each call.
   */
  likelihood(options: LikelihoodOptions): Promise<Likelihood>
  /** The variational bound on those bits, with its terms. */
  bound(options: BoundOptions): Promise<Bound>
  /**
   * Sets the classifier for calls with `classifier_guidance`: one trained on noisy images of the
   * model's shape and classes. A model without classes takes the classifier's in such calls. It
   * rejects, and changes nothing, if the classifier does not fit the model.
   * @param url of the classifier's manifest, relative to the page
   */
  setClassifier(url: string | URL, options?: ClassifierOptions): Promise<ClassifierInfo>
  /** @deprecated use setClassifier */
  classify(url: string | URL, options?: ClassifierOptions): Promise<ClassifierInfo>
  /**
   * Fits a picture to the model's size and channels. A Blob is decoded by
   * `decodePicture`. The command line, the API and the Go library use the same code: the same file
   * and options give the same bytes.
   */
  fitPicture(picture: ImageData | Blob, options?: FitOptions, how?: { signal?: AbortSignal }): Promise<FittedPicture>
  /** What a call would do, without doing it. It rejects where the call would. */
  plan(options?: Call & { resample?: number; jump?: number }, call?: 'sample' | 'inpaint'): Promise<Plan>
  /** Ends the workers. Running and later calls reject. */
  close(): void
}

/**
 * Decodes a PNG, JPEG, GIF (its first frame), WebP or BMP file without the browser: the pixels are
 * those that the file stores, upright, and the same everywhere. Profiles and gamma change nothing.
 * The first call fetches a program, tweedie-pictures.wasm.
 */
export function decodePicture(file: Blob, how?: { signal?: AbortSignal }): Promise<ImageData>

/** An error of a field of a call: its message is "… `field` must be `want` (got `got`)". */
export interface FieldError extends Error {
  /** Name of the field, such as `steps`. */
  field: string
  /** Its value as text. */
  got: string
  /** What is allowed, such as "a whole number from 1 to 10000". */
  want: string
}

export interface ClassifierOptions {
  /** As for `load`. */
  onProgress?: LoadOptions['onProgress']
  signal?: AbortSignal
}

export interface ClassifierInfo {
  name: string
  /** Class names by number. */
  classes: string[]
  /** Bytes of the download. */
  bytes: number
}

export interface FitOptions {
  /** `crop` fills the frame and cuts off what lies outside; `pad` keeps the whole picture and fills the rest with its border's mean colour. Default: `crop`. */
  fit?: 'crop' | 'pad'
  /** Exchanges dark and light; `auto` does so for a model of one channel if the picture's border is light. Default: `no`. */
  invert?: 'no' | 'yes' | 'auto'
  /** The colour under transparent pixels: `white`, `black`, `#rrggbb`, or `auto` for black under a light drawing and else white. Default: `white`. */
  background?: string
  /** `auto`: for a model of one channel, the picture's border becomes black and its lightest pixels white, after inverting. Default: `no`. */
  levels?: 'no' | 'auto'
}

export interface FittedPicture {
  /** Of the model's size; grey for a model of one channel. */
  image: ImageData
  /** Whether dark and light were exchanged. */
  inverted: boolean
}

export interface ModelInfo {
  name: string
  title: string
  /** C, H, W. */
  shape: [number, number, number]
  /** Class names by number; empty for a model without classes. */
  classes: string[]
  /** Whether the model has a null class: `"none"` and guidance can be asked for. */
  unconditional: boolean
  /** Number of parameters of the network. */
  parameters: number
  /** Additions and multiplications of one evaluation of the network. */
  flops: number
  /** Bytes of the download. */
  bytes: number
  /** The samplers; the recommended one first. */
  samplers: Sampler[]
  /** The settings of a call that this model takes. */
  settings: Setting[]
  /** The range of noise levels that the model supports, for pixels in [−1,1]. */
  sigma: { min: number; max: number }
  /** Number of noise levels that the model was trained at, evenly spaced in ln σ; 0 means all levels in the range. A model with levels has no likelihood by the ODE. */
  levels: number
  /** Steps of the Markov chain that the model was trained on; 0 means none. */
  chain: number
  /** Values of settings that a call does not give; `corrector_steps` and `epsilon` with the default sampler only. */
  defaults: { sampler: string; steps: number; guidance: number; eta: number; threshold?: string; percentile?: number; threshold_max?: number; schedule?: string; corrector_steps?: number; epsilon?: number }
  /** The most workers. */
  workers: number
  /**
   * How idle workers compute one image together; the bytes are the same. `channels`: each
   * computes its channels of every large layer, on a cross-origin isolated page with
   * SharedArrayBuffer. `guidance`: two workers each compute one evaluation of a guided pair; two
   * workers do so under `channels` too. `none`: not at all. A batch with at least as many images
   * as workers is always split by images.
   */
  sharing: 'channels' | 'guidance' | 'none'
  /** Whether the workers use SIMD. */
  simd: boolean
  /** The model card in the model's file. */
  card?: any
}

/** Describes a field of a call, for pages that let visitors set it. */
export interface Setting {
  name: string
  /** `run`, `levels` and `threshold` always apply; `sampler` with samplers that take it; `guidance` with guidance other than 1 or a classifier; `inpaint` with inpainting. */
  group: 'run' | 'sampler' | 'levels' | 'guidance' | 'threshold' | 'inpaint'
  kind: 'whole' | 'real' | 'choice' | 'switch' | 'seed' | 'classes' | 'size'
  title: string
  /** What it does, in one line. */
  help: string
  /** What holds if it is absent, in words; absent if the model or the sampler decides. */
  default?: string
  choices?: string[]
  /** The lowest number allowed. */
  min: number
  /** Whether numbers must be above `min`. */
  above?: boolean
  /** The highest number allowed; absent means no limit. */
  max?: number
  /** Another setting and the values of it with which this one applies, such as `schedule=|karras`. */
  only?: string
  /** Whether a page shows it directly, not among its advanced settings. */
  basic?: boolean
}

export interface Sampler {
  name: string
  title: string
  about: string
  /** Whether it adds fresh noise in each step. */
  noise: boolean
  /** Whether it takes `eta`. */
  eta: boolean
  /** Evaluations of the network in each step. */
  evaluations: number
  /** Order of convergence; 0 for samplers that add noise. */
  order: number
  /** The highest `order` of a call; 0 if it cannot be chosen. */
  orders: number
  /** In fewer steps than these the default `order` is `few_order`; 0 if there is no such number. */
  few_steps: number
  few_order: number
  /** Whether it chooses its steps between the noise levels: `evaluations` is then a minimum. */
  adaptive: boolean
  /** Its default schedule; empty for `karras`. The model's default comes first. */
  schedule: string
  /** Default tolerances of an adaptive sampler. */
  rtol: number
  atol: number
  /** The `SolverOptions` that it takes. */
  takes: (keyof SolverOptions)[]
  /** What the model must have besides a denoiser: `variances`, `posterior` or `consistency`; empty if nothing. */
  needs: string
}

// What follows is generated by tools/schema (make generate); DO NOT EDIT.
/** Settings that only some samplers take, see `takes`; others refuse them. */
export interface SolverOptions {
  /** Order of the solver, at most the number of steps. Samplers: unipc, unipc-noise, dpmpp-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, dpm-adaptive, deis, lms, ipndm, sde-dpmpp, sa-solver, er-sde, sde-dpm. A whole number of at least 1. Default: the sampler’s highest, or lower in few steps. */
  order?: number
  /** B(h) of UniPC: 1 is h, 2 is eʰ − 1 (Zhao 2023, section 3.3). Samplers: unipc, unipc-noise. A whole number from 1 to 2. Default: 2. */
  bh?: number
  /** How a step of second order uses its two values: by their difference, or by the line through them. Samplers: dpmpp2m, dpmpp-multistep, dpmpp-singlestep, dpm-multistep, dpm-singlestep, sde-dpmpp, sde-dpm. Default: midpoint. */
  solver_type?: 'midpoint' | 'heun'
  /** Takes the last steps with lower order: 1 in the last, 2 in the one before. Samplers: unipc, unipc-noise, dpmpp-multistep, dpm-multistep, deis, lms, ipndm, sa-solver. Default: false. */
  lower_order_final?: boolean
  /** Amount of noise added over all steps (Karras 2022, Algorithm 2). Samplers: heun, euler, dpmpp-singlestep, dpm-singlestep, dpm2, flow-euler, flow-heun. A number of at least 0. Default: 0. */
  s_churn?: number
  /** Lowest noise level at which churn adds noise. Samplers: heun, euler, dpmpp-singlestep, dpm-singlestep, dpm2, flow-euler, flow-heun. A number of at least 0. Default: 0. */
  s_tmin?: number
  /** Highest noise level at which churn adds noise. Samplers: heun, euler, dpmpp-singlestep, dpm-singlestep, dpm2, flow-euler, flow-heun. A number above 0. Default: no limit. */
  s_tmax?: number
  /** Standard deviation of the noise that churn adds; slightly above 1 keeps detail. Samplers: heun, euler, dpmpp-singlestep, dpm-singlestep, dpm2, flow-euler, flow-heun. A number above 0 and at most 10. Default: 1. */
  s_noise?: number
  /** How often sampling goes back to a higher noise level (Xu 2023). Samplers: restart. A whole number from 1 to 100. Default: 2. */
  restarts?: number
  /** Steps down again after each restart. Samplers: restart. A whole number from 1 to 100. Default: 3. */
  restart_steps?: number
  /** Noise level from which a restart goes back; the nearest of the schedule is used. Samplers: restart. A number above 0. Default: 0.06. */
  restart_tmin?: number
  /** Noise level to which a restart goes back, above the one from which it goes. Samplers: restart. A number above 0. Default: 5 times the other. */
  restart_tmax?: number
  /** Weight of the newest slope with gradient-estimation, 1 to 5; share of noise with tcd, up to 1. Samplers: gradient-estimation, tcd. A number above 0 and at most 5. Default: 2, or 0.3 with tcd. */
  gamma?: number
  /** Amount of noise of sa-solver: near 0 none, 1 as much as the reverse SDE. Samplers: sa-solver. A number above 0 and at most 10. Default: 1. */
  tau?: number
  /** Rule for a step of the reverse SDE. Samplers: pc. Default: reverse-diffusion. */
  predictor?: 'reverse-diffusion' | 'euler-maruyama' | 'ancestral'
  /** Rule for the Langevin steps at the new noise level after each step. Samplers: pc. Default: langevin. */
  corrector?: 'langevin' | 'annealed-langevin' | 'none'
  /** Langevin steps at each noise level. Samplers: pc, annealed-langevin. Only where `corrector` is langevin or annealed-langevin. A whole number from 1 to 255. Default: 1, or 100 with annealed-langevin. */
  corrector_steps?: number
  /** Ratio r that sizes the corrector’s steps (Song 2021). Samplers: pc. Only where `corrector` is langevin or annealed-langevin. A number above 0 and at most 10. Default: 0.16. */
  snr?: number
  /** Size of the Langevin steps at the lowest noise level. Samplers: annealed-langevin. A number above 0. Default: a fifth of that level’s variance. */
  epsilon?: number
  /** Relative error that an adaptive sampler allows in a step. Samplers: dpm-adaptive, rk45, adaptive-sde. A number from 1e-06 to 1. Default: the sampler’s. */
  rtol?: number
  /** Absolute error that an adaptive sampler allows in a step, for pixels from −1 to 1. Samplers: dpm-adaptive, rk45, adaptive-sde. A number from 1e-06 to 1. Default: the sampler’s. */
  atol?: number
  /** Draws the noise of all steps from one Brownian path, the same for any number of steps. Samplers: ddim, ddpm, euler-ancestral, dpm2-ancestral, sde-dpmpp, dpmpp3m-sde, sde-dpmpp-singlestep, sde-dpm, ddpm-learned, ddpm-analytic. Default: false. */
  brownian?: boolean
}

/** Settings on which the images depend. What is not given is decided by the model. */
export interface Call extends SolverOptions {
  /** Number of images. A whole number from 1 to 1048576. Default: 1. */
  n?: number
  /** Index of the first image: a batch can be drawn in parts. A whole number from 0 to 9007199254740992. Default: 0. */
  first?: number
  /** Seed of the noise; image i of a seed is the same for any number of images. Above 2⁵³−1 as a bigint or a string of digits. Default: drawn at random. */
  seed?: number | bigint | string | null
  /** Class by name or number, none for no class, or a list that is dealt out in turn. Default: all classes in turn. */
  class?: number | string | (number | string)[]
  /** Method that removes the noise. Default: the model’s. */
  sampler?: string
  /** Steps of the sampler. A whole number from 1 to 10000. Default: the model’s. */
  steps?: number
  /** Share of fresh noise in each step of a sampler that takes it: 0 draws none. Samplers: ddim. A number from 0 to 1. Default: the model’s. */
  eta?: number
  /** Weight of guidance: 1 turns it off, higher values follow the class more closely. A number of at least 0. Default: the model’s. */
  guidance?: number
  /** Weight of the gradient of a classifier: 0 turns it off. A number of at least 0. Default: 0. */
  classifier_guidance?: number
  /** Height x width of the images, such as 48x32, where the network allows another size than the model’s. Default: the model’s. */
  size?: number | string | [height: number, width: number]
  /** Spacing of the noise levels. Default: the sampler’s, karras for most. */
  schedule?: 'karras' | 'linear' | 'quadratic' | 'exponential' | 'log-snr' | 'polyexponential' | 'cosine' | 'vp' | 'beta' | 'flow' | 'optimised' | 'leading' | 'trailing' | 'linspace'
  /** Noise level at which sampling starts. Only where `schedule` is karras, linear, quadratic, exponential, log-snr, polyexponential, vp, beta, cosine, flow or optimised. A number above 0. Default: the model’s. */
  sigma_max?: number
  /** Last noise level before 0. Only where `schedule` is karras, linear, quadratic, exponential, log-snr, polyexponential, vp, beta, cosine, flow or optimised. A number above 0. Default: the model’s. */
  sigma_min?: number
  /** Exponent of the karras and polyexponential spacings: 1 spaces evenly, higher puts more levels near 0. Only where `schedule` is karras or polyexponential. A number from 0.1 to 1000. Default: 7, or 1 with polyexponential. */
  rho?: number
  /** Shift of the flow spacing: above 1 puts more levels where there is much noise, for larger images (Esser 2024). Only where `schedule` is flow. A number above 0 and at most 1000. Default: the model’s, 1 for most. */
  shift?: number
  /** Guidance acts above this noise level only. A number of at least 0. Default: 0. */
  guidance_sigma_min?: number
  /** Guidance acts up to this noise level only. A number above 0. Default: no limit. */
  guidance_sigma_max?: number
  /** How much of the contrast that guidance adds is removed again. A number from 0 to 1. Default: 0. */
  guidance_rescale?: number
  /** How denoised images are kept in the range of pixels: static clips, dynamic scales to a percentile first. Default: the model’s. */
  threshold?: 'static' | 'dynamic' | 'none'
  /** Percentile of the dynamic threshold. Only where `threshold` is dynamic. A number above 0 and at most 1. Default: 0.995. */
  percentile?: number
  /** Limit of what the dynamic threshold divides by: keeps bright images bright. Only where `threshold` is dynamic. A number of at least 1. Default: no limit. */
  threshold_max?: number
}

/** Settings of inpainting. */
export interface InpaintSettings {
  /** How often each stretch of steps is repeated (RePaint): 1 for no repetition. A whole number from 1 to 100. Default: 1. */
  resample?: number
  /** Steps of a stretch that is repeated. A whole number from 1 to 10000. Default: 10. */
  jump?: number
}
// Here ends what is generated.

export interface SampleOptions extends Call {
  signal?: AbortSignal
  /** Called after every step of every worker. */
  onStep?(step: StepInfo): void
}

export interface InpaintOptions extends SampleOptions, InpaintSettings {
  /** Of the model's size: ImageData, which becomes grey for a model of one channel, or bytes [H,W,C]. */
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Of the model's size: white pixels are repainted, black and transparent ones kept. ImageData or bytes [H,W]. */
  mask: ImageData | Uint8Array | Uint8ClampedArray
}

/** What `likelihood` and `bound` have in common. */
export interface Question {
  /** Of the dequantization, the directions and the bound's noise. Default: 0. */
  seed?: number | bigint | string | null
  /** Class of the image. Default: `"none"`, which a model without a null class refuses. */
  class?: number | string
  /** Steps of the integration (default: 32); noise levels of a bound (default: the model's chain, or 256, even in ln σ). */
  steps?: number
}

export interface LikelihoodOptions extends Question {
  /** Of the model's size, as for `inpaint`. */
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Random directions; each gives an estimate. Default: 1. */
  probes?: number
  /** Distribution of the directions. `exact` takes every axis instead: as many evaluations as the image has numbers. Default: `rademacher`. */
  noise?: 'rademacher' | 'gaussian' | 'exact'
  signal?: AbortSignal
  onProgress?(progress: { progress: number }): void
}

export interface BoundOptions extends Question {
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Variance of a step: `small` is the posterior's, `large` is β, `learned` is the network's. Default: `learned` if the model has learned it, else `small`. */
  variance?: 'small' | 'large' | 'learned'
  signal?: AbortSignal
  onProgress?(progress: { progress: number }): void
}

export interface Likelihood {
  /** Bits per dimension: the mean of the estimates, for the dequantization that the seed draws. An upper bound on average. */
  bits: number
  /** Standard error of that mean; null for one direction. */
  error: number | null
  /** One estimate per direction. */
  estimates: number[]
  /** Evaluations of the network; an evaluation with its derivative counts once and takes about twice the time. */
  nfe: number
  ms: number
  seed: number | string
}

export interface Bound {
  /** Upper bound in bits per dimension: the sum of `prior` and `terms`. */
  bits: number
  /** L_T: the divergence between the fully noised image and the prior. */
  prior: number
  /** L_0, the cost of the pixels' discrete values at the last step, then L_{t−1} for the paper's t = 2 … (Ho et al. 2020, eq. 5). */
  terms: number[]
  /** The noise level at which the network is evaluated for each term. */
  sigmas: number[]
  nfe: number
  ms: number
  seed: number | string
}

export interface Plan {
  /** As in `Result`; the minimum for an adaptive sampler. */
  nfe: number
  /** Evaluations of the network: a guided pair counts as two where guidance applies. */
  passes: number
  /** Cost of the call in evaluations of the network at the model's size: `passes`, plus the gradients of a classifier by their operations. */
  work: number
  /** Channels, height and width of an image. */
  shape: [number, number, number]
  /** The call with every field filled in. */
  request: Call & { n: number }
}

export interface ForwardOptions {
  signal?: AbortSignal
}

export interface StepInfo {
  /** Steps done, on average over the batch. */
  step: number
  steps: number
  /** The share of all work that is done, from 0 to 1. */
  progress: number
  /** The images as they look now; an image that has not begun is transparent. Pixels are computed only for a page that calls this. */
  preview(): ImageData[]
}

export interface Result {
  images: ImageData[]
  /** [N,H,W,C]. */
  pixels: Uint8Array
  /** SHA-256 of `pixels`: the same on every machine. */
  sha256: string
  /** Evaluations of the denoiser for each image; a guided pair counts once. */
  nfe: number
  ms: number
  seed: number | string
  /** The call with every field filled in: the same call gives the same images. */
  request: Call & { n: number }
  /** The plan of the call. */
  plan: Plan
}

/** Bytes [height,width,channels], as the workers take them. */
export interface Picture {
  data: Uint8Array | Uint8ClampedArray
  height: number
  width: number
  channels: number
}
