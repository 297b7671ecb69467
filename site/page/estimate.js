// How long a run will take, before it starts: the evaluations that it needs, times
// what one takes on this machine.

/** @import { Model, Plan, Result } from '../lib/tweedie.js' */

// An evaluation with its derivative along a direction, in evaluations without: both
// networks' products, and what stands between.
const derivative = 2.4

/** Estimate knows one model on one machine. It trusts runs more than its own trial. */
export class Estimate {
  /** @type {Map<number, Promise<number>>} ms of one evaluation of so many images at once */
  #trials = new Map()
  /** ms of one evaluation of one image in a batch that keeps every worker busy; 0 while none was seen */
  #seen = 0
  /** ms of an evaluation with its derivative, and of one for the bound; 0 while none was seen */
  #likely = { flow: 0, bound: 0 }
  /** ms until the workers of a likelihood have started; unknown until the program for it has come */
  #begin = 0

  /** @param {Model} model */
  constructor(model) {
    this.model = model
  }

  /** @param {Plan} plan @returns {boolean} whether runs have told what time needs */
  knows({ request: { n } }) {
    return this.#seen > 0 && n >= this.model.info.workers
  }

  /**
   * time returns the milliseconds that a call will take, measuring an evaluation where no
   * run has told yet.
   *
   * @param {Plan} plan
   * @returns {Promise<number>}
   */
  async time(plan) {
    const workers = this.model.info.workers
    const { work, request: { n } } = plan
    if (this.knows(plan)) return work * n * this.#seen
    return work * (await this.#trial(Math.min(n, workers))) * Math.max(1, n / workers)
  }

  /**
   * learn takes in what a run took, unless it chose its steps: its plan then says the least.
   *
   * @param {Plan} plan
   * @param {Result} result
   */
  learn({ work, request: { n, sampler } }, { ms }) {
    const adaptive = this.model.info.samplers.find(({ name }) => name === sampler)?.adaptive
    if (!adaptive && n >= this.model.info.workers) this.#seen = ms / (work * n)
  }

  /** Whether the program for likelihoods has come. */
  get whole() {
    return this.#begin > 0
  }

  /**
   * likely returns the milliseconds of a likelihood or a bound: so many evaluations, of so
   * many directions or terms, which workers share.
   *
   * @type {(what: 'flow' | 'bound', evaluations: number, n: number) => Promise<number>}
   */
  async likely(what, evaluations, n) {
    if (!(evaluations > 0)) return 0
    const parts = Math.min(n, this.model.info.workers)
    const each = this.#likely[what] || (what === 'flow' ? derivative : 1) * (await this.#trial(parts))
    return this.#begin + (evaluations / parts) * each
  }

  /**
   * learnLikely takes in what one took, and when its workers had started.
   *
   * @type {(what: 'flow' | 'bound', took: { nfe: number, ms: number }, n: number, begin: number) => void}
   */
  learnLikely(what, { nfe, ms }, n, begin) {
    this.#likely[what] = ((ms - begin) * Math.min(n, this.model.info.workers)) / nfe
    this.#begin = this.whole ? begin : begin / 2 // the first waited for the program too
  }

  /** @param {number} n images, one a worker at most @returns {Promise<number>} ms of an evaluation, the quicker of two after a first */
  #trial(n) {
    let trial = this.#trials.get(n)
    if (!trial) {
      trial = this.#measure(n)
      this.#trials.set(n, trial)
      trial.catch(() => this.#trials.delete(n))
    }
    return trial
  }

  /** @param {number} n */
  async #measure(n) {
    const { shape, classes } = this.model.info
    const x = new Float32Array(n * shape.reduce((a, b) => a * b))
    const zeros = new Float32Array(n)
    let best = Infinity
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      await this.model.forward(x, zeros, classes.length > 0 ? zeros : null)
      if (i > 0) best = Math.min(best, performance.now() - began) // the first starts workers
    }
    return best
  }
}
