// An estimate of the time of a run: its evaluations times the time of one evaluation on
// this device.

/** @import { Model, Plan, Result } from '../lib/tweedie.js' */

// Cost of an evaluation with its derivative along a direction, in plain evaluations.
const derivativeCost = 2.4

/**
 * Estimate knows the speed of one model on this device. The times of runs replace what it
 * has measured itself.
 */
export class Estimate {
  /** @type {Map<number, Promise<number>>} ms of one evaluation, by the number of images evaluated at once */
  #measured = new Map()
  #perImage = 0 // ms of one evaluation per image in a batch that keeps all workers busy; 0 before the first run
  #perEvaluation = { flow: 0, bound: 0 } // ms of one evaluation of a likelihood; 0 before the first
  #startup = 0 // ms until the workers of a likelihood have started; 0 before the first

  /** @param {Pick<Model, 'info' | 'forward'>} model */
  constructor(model) {
    this.model = model
  }

  /** @param {Plan} plan @returns {boolean} whether time needs no measurement */
  isKnown({ request: { n } }) {
    return this.#perImage > 0 && n >= this.model.info.workers
  }

  /**
   * time returns the milliseconds that a call takes. Before the first run it measures an
   * evaluation.
   *
   * @param {Plan} plan
   * @returns {Promise<number>}
   */
  async time(plan) {
    const { workers } = this.model.info
    const { work, request: { n } } = plan
    if (this.isKnown(plan)) return work * n * this.#perImage
    return work * (await this.#measure(Math.min(n, workers))) * Math.max(1, n / workers)
  }

  /**
   * recordRun learns from a run, unless the sampler is adaptive: then the plan has only the
   * minimum of its evaluations.
   *
   * @param {Pick<Result, 'plan' | 'ms'>} result
   */
  recordRun({ plan: { work, request: { n, sampler } }, ms }) {
    const adaptive = this.model.info.samplers.find(({ name }) => name === sampler)?.adaptive
    if (!adaptive && n >= this.model.info.workers) this.#perImage = ms / (work * n)
  }

  /** Whether the program for likelihoods has been fetched. */
  get hasLikelihoodProgram() {
    return this.#startup > 0
  }

  /**
   * likelihoodTime returns the milliseconds of a likelihood or a bound.
   *
   * @param {'flow' | 'bound'} kind
   * @param {number} evaluations in all
   * @param {number} n directions or terms, which are shared among the workers
   * @returns {Promise<number>} 0 if the number of evaluations is not valid
   */
  async likelihoodTime(kind, evaluations, n) {
    if (!(evaluations > 0)) return 0
    const parts = Math.min(n, this.model.info.workers)
    const each = this.#perEvaluation[kind] || (kind === 'flow' ? derivativeCost : 1) * (await this.#measure(parts))
    return this.#startup + (evaluations / parts) * each
  }

  /**
   * recordLikelihood learns from a likelihood or a bound.
   *
   * @param {'flow' | 'bound'} kind
   * @param {{ nfe: number, ms: number }} result
   * @param {number} n directions or terms
   * @param {number} startup ms until its workers had started
   */
  recordLikelihood(kind, { nfe, ms }, n, startup) {
    this.#perEvaluation[kind] = ((ms - startup) * Math.min(n, this.model.info.workers)) / nfe
    this.#startup = this.hasLikelihoodProgram ? startup : startup / 2 // the first also fetched the program
  }

  /** @param {number} n images, at most one per worker @returns {Promise<number>} ms of an evaluation */
  #measure(n) {
    let time = this.#measured.get(n)
    if (!time) {
      time = this.#fastest(n)
      this.#measured.set(n, time)
      time.catch(() => this.#measured.delete(n))
    }
    return time
  }

  /** @param {number} n @returns {Promise<number>} ms of the faster of two evaluations, after one that starts the workers */
  async #fastest(n) {
    const { shape, classes } = this.model.info
    const x = new Float32Array(n * shape.reduce((a, b) => a * b))
    const zeros = new Float32Array(n)
    let best = Infinity
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      await this.model.forward(x, zeros, classes.length > 0 ? zeros : null)
      if (i > 0) best = Math.min(best, performance.now() - began)
    }
    return best
  }
}
