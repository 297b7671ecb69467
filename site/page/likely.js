// The panel that asks how likely a picture is: bits per dimension by the flow, and the
// variational bound with its terms.

import { element, facts, make } from './dom.js'
import { none } from './settings.js'
import { duration } from './progress.js'

/** @import { Bound, Model } from '../lib/tweedie.js' */
/** @import { Estimate } from './estimate.js' */

/**
 * @typedef {{ signal: AbortSignal, onProgress: (told: { progress: number }) => void }} Calls
 * @typedef {object} Hooks
 * @property {() => ImageData | undefined} picture that is on the easel
 * @property {<T>(doing: string, evaluations: number, task: (calls: Calls) => Promise<T>) => Promise<T | undefined>} run
 */

const width = 320
const height = 120
const digits = 4

export class Likely {
  /**
   * @param {Model} model
   * @param {Estimate} estimate
   * @param {Hooks} hooks
   */
  constructor(model, estimate, hooks) {
    this.model = model
    this.estimate = estimate
    this.hooks = hooks
    this.root = element('likely', HTMLDetailsElement)
    this.class = element('likely-class', HTMLSelectElement)
    this.noise = element('likely-noise', HTMLSelectElement)
    this.go = element('likely-go', HTMLButtonElement)
    const { classes, unconditional, chain, levels } = model.info
    element('likely-class-field', HTMLElement).hidden = classes.length === 0
    this.class.replaceChildren(...[...(unconditional ? [none] : []), ...classes].map((value) => make('option', { value, textContent: value })))
    this.go.disabled = levels > 0
    element('likely-levels', HTMLElement).hidden = levels === 0
    this.#field('likely-terms').value = String(chain || levels || 256)
    this.root.addEventListener('toggle', () => this.#foresee())
    this.root.addEventListener('input', () => this.#foresee())
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.target instanceof HTMLInputElement) this.#measure()
    })
    this.go.addEventListener('click', () => this.#measure())
    element('likely-bound', HTMLButtonElement).addEventListener('click', () => this.#bound())
  }

  /** @param {string} name of the class of the picture that has come, '' where it is not known */
  opened(name) {
    if ([...this.class.options].some(({ value }) => value === name)) this.class.value = name
    else this.class.selectedIndex = 0
    for (const id of ['likely-facts', 'bound-facts']) element(id, HTMLElement).replaceChildren()
    element('bound-figure', HTMLElement).hidden = true
    this.#foresee()
  }

  /** ask opens the panel. */
  ask() {
    this.root.open = true
    this.root.scrollIntoView({ block: 'nearest' })
    ;(this.go.disabled ? element('likely-bound', HTMLButtonElement) : this.go).focus({ preventScroll: true })
  }

  /** @type {(id: string) => HTMLInputElement} */
  #field(id) {
    return element(id, HTMLInputElement)
  }

  /** @type {(id: string, least: number, most: number) => number} the whole number in a field, which is marked if it is none */
  #whole(id, least, most) {
    const field = this.#field(id)
    const text = field.value.trim()
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN
    const bad = !(value >= least && value <= most)
    field.setAttribute('aria-invalid', String(bad))
    const error = element(`${id}-error`, HTMLElement)
    error.hidden = !bad
    error.textContent = `found "${text.slice(0, 20)}", need a whole number from ${least} to ${most}`
    return bad ? NaN : value
  }

  #asked() {
    return { steps: this.#whole('likely-steps', 1, 10000), probes: this.#whole('likely-probes', 1, 1000) }
  }

  async #foresee() {
    if (!this.root.open) return
    const { steps, probes } = this.#asked()
    const terms = this.#whole('likely-terms', 2, 10000)
    const [flow, bound] = [this.estimate.likely('flow', 4 * steps * probes, probes), this.estimate.likely('bound', terms, terms)]
    const text = (/** @type {string} */ what, /** @type {number} */ ms) => (ms > 0 ? `${what} about ${duration(ms)}` : '')
    const parts = [text('Measure takes', this.go.disabled ? 0 : await flow), text('the bound', await bound)].filter(Boolean)
    element('likely-estimate', HTMLElement).textContent = parts.length > 0 ? `${parts.join(', ').replace(/^t/, 'T')} on this device${this.estimate.whole ? '' : ', and the program for it, 1 MB, comes first'}.` : ''
  }

  get #class() {
    return this.model.info.classes.length > 0 ? this.class.value : undefined
  }

  /**
   * @template {{ nfe: number, ms: number }} T
   * @param {'flow' | 'bound'} what
   * @param {string} doing
   * @param {number} evaluations
   * @param {number} n directions or terms
   * @param {(calls: Calls) => Promise<T>} task
   */
  async #run(what, doing, evaluations, n, task) {
    const asked = performance.now()
    let begin = 0
    const found = await this.hooks.run(doing, evaluations, ({ signal, onProgress }) => task({
      signal,
      onProgress: (told) => {
        begin ||= performance.now() - asked
        onProgress(told)
      },
    }))
    if (found) this.estimate.learnLikely(what, found, n, begin)
    return found
  }

  async #measure() {
    const image = this.hooks.picture()
    const { steps, probes } = this.#asked()
    if (!image || !(steps > 0 && probes > 0) || this.go.disabled) return
    const noise = /** @type {'rademacher' | 'gaussian'} */ (this.noise.value)
    const evaluations = 4 * steps * probes
    const found = await this.#run('flow', 'how likely a picture is', evaluations, probes, (calls) =>
      this.model.likelihood({ image, class: this.#class, steps, probes, noise, ...calls }))
    if (!found) return
    facts(element('likely-facts', HTMLElement), [
      ['Bits per dimension', found.bits.toFixed(digits) + (found.error === null ? '' : ` ± ${found.error.toFixed(digits)}`)],
      ['Directions', `${probes} ${this.noise.selectedOptions[0].textContent}`],
      ['Class told', this.#class],
      ['Evaluations', String(found.nfe)],
      ['Time', duration(found.ms)],
    ])
    this.#foresee()
  }

  async #bound() {
    const image = this.hooks.picture()
    const steps = this.#whole('likely-terms', 2, 10000)
    if (!image || !steps) return
    const found = await this.#run('bound', 'the bound of a picture', steps, steps, (calls) => this.model.bound({ image, class: this.#class, steps, ...calls }))
    if (!found) return
    const [data, ...rest] = found.terms
    facts(element('bound-facts', HTMLElement), [
      ['Bits per dimension, at most', found.bits.toFixed(digits)],
      ['Levels of the pixels, L₀', data.toFixed(digits)],
      [`Steps, L₁ to L${subscript(rest.length)}`, rest.reduce((sum, v) => sum + v, 0).toFixed(digits)],
      ['Prior', found.prior.toPrecision(2)],
      ['Class told', this.#class],
      ['Evaluations, time', `${found.nfe}, ${duration(found.ms)}`],
    ])
    element('bound-figure', HTMLElement).hidden = false
    plot(element('bound-plot', SVGSVGElement), found)
    this.#foresee()
  }
}

/** @type {(n: number) => string} */
const subscript = (n) => String(n).replace(/\d/g, (digit) => '₀₁₂₃₄₅₆₇₈₉'[Number(digit)])

/**
 * plot draws every term but the first over its noise level, on a logarithmic axis.
 *
 * @param {SVGSVGElement} svg
 * @param {Bound} bound
 */
function plot(svg, { terms, sigmas }) {
  const logs = sigmas.map(Math.log)
  const [low, high] = [logs[1], logs[logs.length - 1]]
  const most = Math.max(...terms.slice(1), 1e-12)
  const at = (/** @type {number} */ i) => `${(((logs[i] - low) / (high - low || 1)) * width).toFixed(1)},${(height - (terms[i] / most) * height).toFixed(1)}`
  const points = logs.map((_, i) => i).slice(1).map(at)
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', `M0,${height}L${points.join('L')}L${width},${height}Z`)
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  svg.replaceChildren(path)
  const peak = terms.indexOf(most)
  const short = (/** @type {number} */ v) => Number(v.toPrecision(2)).toString()
  svg.setAttribute('aria-label', `Terms of the bound over the noise level, from ${short(sigmas[1])} to ${short(sigmas[sigmas.length - 1])}: the largest is ${short(most)} bits at ${short(sigmas[peak] ?? 0)}`)
  element('bound-most', HTMLElement).textContent = `at most ${short(most)} bits, at σ = ${short(sigmas[peak] ?? 0)}`
  element('bound-low', HTMLElement).textContent = short(sigmas[1])
  element('bound-high', HTMLElement).textContent = `σ = ${short(sigmas[sigmas.length - 1])}`
}
