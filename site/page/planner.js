// Plans of runs, for the estimate of their time.

import { callOf } from './settings.js'

/** @import { Model, Plan } from '../lib/tweedie.js' */
/** @import { Info, Settings } from './settings.js' */

/** Planner asks the model for a plan only when settings change that matter to it. */
export class Planner {
  #key = ''
  /** @type {Promise<Plan> | undefined} */
  #plan

  /**
   * @param {Pick<Model, 'plan'>} model
   * @param {Info} info
   * @param {(settings: Settings) => Promise<unknown>} ready waits for what the settings need
   */
  constructor(model, info, ready) {
    this.model = model
    this.info = info
    this.ready = ready
  }

  /**
   * plan returns the plan of a run, or rejects as the run would. The seed does not matter.
   *
   * @param {Settings} settings
   * @returns {Promise<Plan>}
   */
  plan(settings) {
    const key = JSON.stringify({ ...settings, seed: 0, keep: false })
    if (key !== this.#key || !this.#plan) {
      this.#key = key
      this.#plan = this.#ask(settings)
      this.#plan.catch(() => { // ask again next time
        if (this.#key === key) this.#plan = undefined
      })
    }
    return this.#plan
  }

  /** @type {(settings: Settings) => Promise<Plan>} */
  async #ask(settings) {
    await this.ready(settings)
    const inpaint = settings.mode === 'inpaint'
    return this.model.plan({ ...callOf(settings, this.info), n: inpaint ? settings.variations : settings.n }, inpaint ? 'inpaint' : 'sample')
  }
}
