// The ruler that measures a run: one tick a step, and the figures under it.

import { element } from './dom.js'

/** @import { Loading } from './model.js' */
/** @import { Result, StepInfo } from '../lib/tweedie.js' */

const maxTicks = 120

export class Ruler {
  #began = 0
  #steps = 1
  #told = 0
  #doing = ''
  #name = ''

  constructor() {
    this.root = element('progress', HTMLElement)
    this.now = element('meter-now', HTMLElement)
    this.rest = element('meter-rest', HTMLElement)
    this.live = element('live', HTMLElement)
  }

  /** @type {(loading: Loading, what?: string) => void} */
  loading({ phase, bytes, total }, what = 'the model') {
    this.#set(total > 0 ? bytes / total : 0, 1)
    const doing = { download: `Loading ${what}`, program: 'Loading the program', start: `Starting ${what}` }[phase]
    this.#say(doing, phase === 'program' ? '' : `${size(bytes)} of ${size(total)}`)
  }

  /**
   * start begins a run. Nothing moves until a step is done.
   *
   * @param {number} steps
   * @param {string} doing for example "16 images"
   * @param {string} [name] of the run, where there are several
   */
  start(steps, doing, name) {
    this.#name = name ? `${name} · ` : ''
    this.#began = performance.now()
    this.#steps = steps
    this.#told = 0
    this.#doing = doing
    this.#set(0, steps)
    this.#say(`${this.#name}step 0 of ${steps}`, doing)
    this.tell(doing)
  }

  /**
   * step shows how much of the work is done.
   *
   * @param {Pick<StepInfo, 'step' | 'steps' | 'progress'>} info
   * @param {number} evaluations of the network in each step; 0 if that is not known
   */
  step({ step, steps, progress }, evaluations) {
    const elapsed = performance.now() - this.#began
    this.#steps = steps
    this.#set(progress, steps)
    const left = progress > 0 ? `${duration((elapsed / progress) * (1 - progress))} left` : ''
    const nfe = step * evaluations
    const spent = evaluations && ` · ${nfe} evaluation${nfe === 1 ? '' : 's'}`
    this.#say(`${this.#name}step ${step} of ${steps}${spent || ''}`, `${duration(elapsed)} · ${left}`)
    const quarter = Math.floor(4 * progress)
    if (quarter > this.#told && quarter < 4 && elapsed > 2000) {
      this.#told = quarter
      this.tell(`${25 * quarter} percent, ${left}`)
    }
  }

  /** @param {Result} result */
  done(result) {
    const n = result.images.length
    this.finish(`${n} ${n === 1 ? 'image' : 'images'}`, result)
  }

  /** @type {(text: string, took: { nfe: number, ms: number }) => void} */
  finish(text, { nfe, ms }) {
    this.#set(1, this.#steps)
    this.#say('done', `${text} · ${nfe} evaluations · ${duration(ms)}`)
    this.tell(`Done: ${text} in ${duration(ms)}`)
  }

  /**
   * stop ends a run before its end; the ruler stays where it was.
   *
   * @param {string} why
   */
  stop(why) {
    this.now.textContent = `${why} at ${this.now.textContent}`
    this.rest.textContent = ''
    this.tell(why)
  }

  /** @param {string} text for a screen reader only */
  tell(text) {
    this.live.textContent = text
  }

  /**
   * idle shows a text where nothing runs.
   *
   * @param {string} now
   * @param {string} [rest]
   */
  idle(now, rest = '') {
    this.#set(0, 1)
    this.#say(now, rest)
  }

  /** @type {(done: number, steps: number) => void} */
  #set(done, steps) {
    this.root.style.setProperty('--done', String(done))
    this.root.style.setProperty('--steps', String(steps))
    this.root.classList.toggle('plain', steps > maxTicks)
    this.root.setAttribute('aria-valuenow', done.toFixed(3))
  }

  /** @type {(now: string, rest: string) => void} */
  #say(now, rest) {
    this.now.textContent = now
    this.rest.textContent = rest
    this.root.setAttribute('aria-valuetext', `${this.#doing} ${now} ${rest}`.trim())
  }
}

/**
 * duration writes milliseconds as one reads them.
 *
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/**
 * size writes a number of bytes, in powers of ten.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(2)} MB`
}
