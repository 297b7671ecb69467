// The progress bar of a run, with one tick per step, and the text under it.

import { element } from './dom.js'
import { count, duration, size } from './format.js'

/** @import { Loading } from './model.js' */
/** @import { Result, StepInfo } from '../lib/tweedie.js' */

const maxTicks = 120

export class ProgressBar {
  #began = 0
  #steps = 1
  #announced = 0 // quarters
  #task = ''
  #name = ''

  constructor() {
    this.root = element('progress', HTMLElement)
    this.status = element('progress-status', HTMLElement)
    this.detail = element('progress-detail', HTMLElement)
    this.live = element('live', HTMLElement)
  }

  /** @type {(loading: Loading, what?: string) => void} */
  loading({ phase, bytes, total }, what = 'the model') {
    this.#setDone(total > 0 ? bytes / total : 0, 1)
    const status = { download: `Loading ${what}`, program: 'Loading the program', start: `Starting ${what}` }[phase]
    this.#setText(status, phase === 'program' ? '' : `${size(bytes)} of ${size(total)}`)
  }

  /**
   * start begins a run.
   *
   * @param {number} steps
   * @param {string} task for example "16 images"
   * @param {string} [name] of the run, if it is one of several
   */
  start(steps, task, name) {
    this.#name = name ? `${name} · ` : ''
    this.#began = performance.now()
    this.#steps = steps
    this.#announced = 0
    this.#task = task
    this.#setDone(0, steps)
    this.#setText(`${this.#name}step 0 of ${steps}`, task)
    this.announce(task)
  }

  /**
   * step shows how much of the work is done.
   *
   * @param {Pick<StepInfo, 'step' | 'steps' | 'progress'>} info
   * @param {number} evaluations of the network in each step; 0 if unknown
   */
  step({ step, steps, progress }, evaluations) {
    const elapsed = performance.now() - this.#began
    this.#steps = steps
    this.#setDone(progress, steps)
    const left = progress > 0 ? `${duration((elapsed / progress) * (1 - progress))} left` : ''
    const nfe = evaluations > 0 ? ` · ${count(step * evaluations, 'evaluation')}` : ''
    this.#setText(`${this.#name}step ${step} of ${steps}${nfe}`, `${duration(elapsed)} · ${left}`)
    const quarter = Math.floor(4 * progress)
    if (quarter > this.#announced && quarter < 4 && elapsed > 2000) {
      this.#announced = quarter
      this.announce(`${25 * quarter} percent, ${left}`)
    }
  }

  /** @param {Result} result */
  done(result) {
    this.finish(count(result.images.length, 'image'), result)
  }

  /** @type {(task: string, cost: { nfe: number, ms: number }) => void} */
  finish(task, { nfe, ms }) {
    this.#setDone(1, this.#steps)
    this.#setText('done', `${task} · ${count(nfe, 'evaluation')} · ${duration(ms)}`)
    this.announce(`Done: ${task} in ${duration(ms)}`)
  }

  /**
   * stop ends a run early; the bar stays where it is.
   *
   * @param {string} reason
   */
  stop(reason) {
    this.status.textContent = `${reason} at ${this.status.textContent}`
    this.detail.textContent = ''
    this.announce(reason)
  }

  /** @param {string} text for screen readers only */
  announce(text) {
    this.live.textContent = text
  }

  /**
   * idle shows a text while nothing runs.
   *
   * @param {string} status
   * @param {string} [detail]
   */
  idle(status, detail = '') {
    this.#setDone(0, 1)
    this.#setText(status, detail)
  }

  /** @type {(done: number, steps: number) => void} */
  #setDone(done, steps) {
    this.root.style.setProperty('--done', String(done))
    this.root.style.setProperty('--steps', String(steps))
    this.root.classList.toggle('plain', steps > maxTicks)
    this.root.setAttribute('aria-valuenow', done.toFixed(3))
  }

  /** @type {(status: string, detail: string) => void} */
  #setText(status, detail) {
    this.status.textContent = status
    this.detail.textContent = detail
    this.root.setAttribute('aria-valuetext', `${this.#task} ${status} ${detail}`.trim())
  }
}
