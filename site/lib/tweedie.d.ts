/** Opens a model. The promise settles when the first worker has it. */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>

export interface LoadOptions {
  /** The most workers; each holds the model. Default: the processor's threads, at most 8. */
  workers?: number
  /** Called while the model's files arrive, then once while the program may still be on its way, and once when the worker begins to verify and unpack them. */
  onProgress?(progress: { phase: 'download' | 'program' | 'start'; bytes: number; total: number }): void
  signal?: AbortSignal
}

/**
 * A model in a pool of workers. Calls may overlap: what does not fit the pool
 * waits. A call that is aborted rejects with an `AbortError` at once and leaves the
 * model usable; other failures are `Error`s that name what was found and what is
 * needed.
 */
export class Model {
  readonly info: Readonly<ModelInfo>
  /** Draws images. */
  sample(options?: SampleOptions): Promise<Result>
  /** Repaints part of an image. */
  inpaint(options: InpaintOptions): Promise<Result>
  /**
   * Evaluates the bare network once: no process, no guidance.
   * @param x [N,C,H,W]
   * @param t N times, as the network was trained with them
   * @param y N class numbers, or null
   * @returns [N,C,H,W]
   */
  forward(x: Float32Array, t: ArrayLike<number>, y?: ArrayLike<number> | null, options?: ForwardOptions): Promise<Float32Array>
  /**
   * How probable the model finds a picture: bits per dimension by the probability-flow
   * ODE, with Hutchinson's estimate of the divergence and uniform dequantisation. The same
   * numbers as `tweedie likelihood` has for its first picture. The program for it,
   * tweedie-likelihood.wasm, is fetched with the first call; its workers end with each.
   */
  likelihood(options: LikelihoodOptions): Promise<Likelihood>
  /** The variational bound of a chain on those bits, with its terms. */
  bound(options: BoundOptions): Promise<Bound>
  /**
   * Gives the model a classifier of noisy images of its own shape and classes, for calls with
   * `classifier_guidance`. A model without classes then takes the classifier's in such calls. It
   * rejects, and leaves the model as it was, where the two do not go together.
   * @param url of the classifier's manifest
   */
  classify(url: string | URL, options?: ClassifyOptions): Promise<ClassifierInfo>
  /** What a call would do; nothing is computed. It rejects where the call would. */
  plan(options?: Call & { resample?: number; jump?: number }, call?: 'sample' | 'inpaint'): Promise<Plan>
  /** Ends the workers. Calls that run, and later ones, reject. */
  close(): void
}

export interface ClassifyOptions {
  /** As with `load`. */
  onProgress?: LoadOptions['onProgress']
  signal?: AbortSignal
}

export interface ClassifierInfo {
  name: string
  /** Names by number. */
  classes: string[]
  /** Of the download. */
  bytes: number
}

export interface ModelInfo {
  name: string
  title: string
  /** C, H, W. */
  shape: [number, number, number]
  /** Names by number; empty for a model without classes. */
  classes: string[]
  /** Whether class "none" can be asked for, and with it guidance. */
  unconditional: boolean
  /** Numbers in the network. */
  parameters: number
  /** Additions and multiplications of one evaluation of the network. */
  flops: number
  /** Of the download. */
  bytes: number
  /** The recommended one first. */
  samplers: Sampler[]
  /** What can be set of a call besides sampler, steps, `eta`, `corrector_steps`, class and guidance. */
  settings: Setting[]
  /** The noise levels that the model supports, in units of pixels that span [−1,1]. */
  sigma: { min: number; max: number }
  /** How many noise levels it was trained at, evenly spaced in ln σ; 0 means all of the range. Only of such a model there is a likelihood by the ODE. */
  levels: number
  /** Steps of the chain that it was trained on; 0 means none. */
  chain: number
  /** What a call gets that does not say otherwise; `corrector_steps` and `epsilon` with that sampler only. */
  defaults: { sampler: string; steps: number; guidance: number; eta: number; threshold?: string; percentile?: number; threshold_max?: number; schedule?: string; corrector_steps?: number; epsilon?: number }
  /** The most workers. */
  workers: number
  /**
   * How workers that have nothing else to do compute one image together; its bytes are
   * the same. `channels`: each its channels of every large layer, in a cross-origin
   * isolated page with SharedArrayBuffer. `guidance`: two, each one evaluation of a
   * guided pair; two workers do that under `channels` too. `none`: not. Batches of at
   * least as many images as workers are split in any case.
   */
  sharing: 'channels' | 'guidance' | 'none'
  /** Whether the workers compute with vectors. */
  simd: boolean
  /** The model card of the file, as it stands there. */
  card?: any
}

/** A field of a call, for those who offer a choice of them. */
export interface Setting {
  name: string
  /** `sampler`: of those that take it. `levels`, `guidance`, `range`: of all. `inpaint`: of inpainting. */
  group: string
  kind: 'whole' | 'real' | 'choice' | 'switch'
  title: string
  about: string
  /** What holds where it is absent, in words, if that is the same for all samplers. */
  own?: string
  choices?: string[]
  /** Another setting and the values of it with which this one has a meaning, such as `schedule=|karras`. */
  only?: string
}

export interface Sampler {
  name: string
  title: string
  about: string
  /** Draws fresh noise at every step. */
  noise: boolean
  /** Has an `eta`. */
  eta: boolean
  /** Of the network, each step. */
  evaluations: number
  /** Of convergence; 0 for samplers that draw noise. */
  order: number
  /** The highest that `order` of a call asks for; 0 if there is no choice. */
  orders: number
  /** Takes steps of its own between the noise levels: `evaluations` is the least. */
  adaptive: boolean
  /** Its own spacing of the noise levels; empty for `karras`. A model's own comes first. */
  schedule: string
  /** The relative and the absolute error that an adaptive sampler allows a step by itself. */
  rtol: number
  atol: number
  /** The names of the fields of `SolverOptions` that it has. */
  takes: (keyof SolverOptions)[]
  /** What the model has for it beside a denoiser: `variances`, `posterior` or `consistency`; empty for what every model can. */
  needs: string
}

/** What only some samplers have, see `takes`; absent means the sampler's own, anything else is refused elsewhere. */
export interface SolverOptions {
  /** 1 to the sampler's `orders`, at most the steps. */
  order?: number
  /** B(h) of `unipc`, 1 or 2. */
  bh?: number
  /** Churn of `heun`: noise added in all, the levels between which, and its standard deviation. */
  s_churn?: number
  s_tmin?: number
  s_tmax?: number
  s_noise?: number
  /** Of `pc`: `reverse-diffusion`, `euler-maruyama` or `ancestral`. */
  predictor?: string
  /** Of `pc`: `langevin`, `annealed-langevin` or `none`. */
  corrector?: string
  /** Langevin steps at a noise level, up to 255. */
  corrector_steps?: number
  /** Signal-to-noise ratio of a corrector, up to 10. */
  snr?: number
  /** Step of `annealed-langevin` at the lowest noise level. */
  epsilon?: number
  /** Errors that an adaptive sampler allows a step, 1e-6 to 1. */
  rtol?: number
  atol?: number
  /** Noise of one path, the same for any number of steps. */
  brownian?: boolean
}

/** What an image depends on. What is absent comes from the model. */
export interface Call extends SolverOptions {
  /** Images. Default: 1. */
  n?: number
  /** Index of the first image of a batch: a batch can be asked for in parts. Default: 0. */
  first?: number
  /** Up to 2⁵³ as a number, up to 2⁶⁴ as a bigint or a string of digits. Default: drawn at random. */
  seed?: number | bigint | string | null
  /** A name from `info.samplers`. */
  sampler?: string
  steps?: number
  /** Fresh noise of samplers that have it, in [0, 1]. */
  eta?: number
  /** Where the noise levels lie: `karras` (default, but of `flow-euler` and `flow-heun`), `linear`, `quadratic`, `exponential`, `log-snr`, `cosine`, `flow`, `optimised` for models whose posterior was measured, or `leading`, `trailing`, `linspace` for models with a chain. */
  schedule?: string
  sigma_min?: number
  sigma_max?: number
  rho?: number
  /** Names or numbers, dealt out in turn: image i gets class[i mod length]; `"none"` for no class. Default: all. */
  class?: number | string | (number | string)[]
  /** Weight of classifier-free guidance, at least 0; 1 means none. */
  guidance?: number
  /**
   * Weight of the gradient of the classifier that `classify` gave the model, at least 0; 1 is what it
   * says itself. With `guidance: 0` the model itself knows of no class. Default: 0.
   */
  classifier_guidance?: number
  /** The noise levels within which there is guidance: above the first, up to the second. Default: all. */
  guidance_sigma_min?: number
  guidance_sigma_max?: number
  /** How much of the contrast that guidance adds is taken back, 0 to 1. */
  guidance_rescale?: number
  /** What holds the denoised image to [−1,1]: `static` clips, `dynamic` divides by its `percentile` first. Default: the model's. */
  threshold?: 'static' | 'dynamic' | 'none'
  /** Of `dynamic`, above 0 to 1. Default: 0.995. */
  percentile?: number
  /** Of `dynamic`: the most that it divides by, at least 1. Default: no limit. */
  threshold_max?: number
}

export interface SampleOptions extends Call {
  signal?: AbortSignal
  /** Called after every step of every worker. */
  onStep?(step: StepInfo): void
}

export interface InpaintOptions extends SampleOptions {
  /** Of the model's size. ImageData is made gray for a model in gray; bytes are [H,W,C]. */
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Of the model's size: white is repainted, black and transparent kept. Bytes are [H,W]. */
  mask: ImageData | Uint8Array | Uint8ClampedArray
  /** How often each stretch of `jump` steps is walked (RePaint). Default: 1. */
  resample?: number
  /** Default: 10, or what there is. */
  jump?: number
}

/** What is asked about a picture. */
export interface Question {
  /** Of the places of the pixels within their levels, of the directions, of the bound's noise. Default: 0. */
  seed?: number | bigint | string | null
  /** Of the picture. Default: `"none"`, which a model that was not trained without classes refuses. */
  class?: number | string
  /** Of the integration (default: 32); of a bound its levels (default: the model's chain, or 256, even in ln σ). */
  steps?: number
}

export interface LikelihoodOptions extends Question {
  /** Of the model's size, as in `inpaint`. */
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Directions, each of which makes an estimate. Default: 1. */
  probes?: number
  /** What directions are drawn from. `exact` goes through every axis instead, as many evaluations as a picture has numbers. Default: `rademacher`. */
  noise?: 'rademacher' | 'gaussian' | 'exact'
  signal?: AbortSignal
  onProgress?(told: { progress: number }): void
}

export interface BoundOptions extends Question {
  image: ImageData | Uint8Array | Uint8ClampedArray
  /** Of a step: the posterior's, β, or what the network says. Default: `learned` of a model that has learned it, else `small`. */
  variance?: 'small' | 'large' | 'learned'
  signal?: AbortSignal
  onProgress?(told: { progress: number }): void
}

export interface Likelihood {
  /** Per dimension, the mean of the probes' estimates: of the one dequantisation that the seed draws, an upper bound on average. */
  bits: number
  /** The standard error from the probes; null for one. */
  error: number | null
  /** One a probe. */
  estimates: number[]
  /** Evaluations of the network; one with its derivative, which takes about twice the time, counts once. */
  nfe: number
  ms: number
  seed: number | string
}

export interface Bound {
  /** Per dimension, at most: the sum of `prior` and `terms`. */
  bits: number
  /** L_T: what is left of the picture at the end. */
  prior: number
  /** L_0, what the levels of the pixels cost after the last step, then L_{t−1} for the paper's t = 2 … (Ho et al. 2020, eq. 5). */
  terms: number[]
  /** The noise level at which each term asks the network. */
  sigmas: number[]
  nfe: number
  ms: number
  seed: number | string
}

export interface Plan {
  /** As in `Result`; of an adaptive sampler the least. */
  nfe: number
  /** Evaluations of the network that this takes: both of a guided pair count, where guidance is in its interval. */
  passes: number
  /** What that takes, in evaluations of the network: `passes`, and the gradients of a classifier by their operations. */
  work: number
  /** The call with every field filled in. */
  request: Call & { n: number }
}

export interface ForwardOptions {
  signal?: AbortSignal
}

export interface StepInfo {
  /** Steps that are done, on average over the batch. */
  step: number
  steps: number
  /** The share of all work that is done, in [0, 1]. */
  progress: number
  /** The images as they look now; one that is not begun is transparent. Only a page that looks pays for it. */
  preview(): ImageData[]
}

export interface Result {
  images: ImageData[]
  /** [N,H,W,C]. */
  pixels: Uint8Array
  /** Of `pixels`: the same on every machine. */
  sha256: string
  /** Evaluations of the denoiser that each image took; a guided pair counts once. */
  nfe: number
  ms: number
  seed: number | string
  /** The call with every field filled in: asking with it again gives the same images. */
  request: Call & { n: number }
}

/** Bytes [height,width,channels], as the workers take them. */
export interface Picture {
  data: Uint8Array | Uint8ClampedArray
  height: number
  width: number
  channels: number
}
