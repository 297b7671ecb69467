// The likelihood panel: bits per dimension of an image by the probability-flow ODE, and the
// variational bound with its terms.

import { element, make, showFacts } from './dom.js'
import { duration, subscript } from './format.js'
import { none } from './settings.js'

/** @import { Bound, Model } from '../lib/tweedie.js' */
/** @import { Estimate } from './estimate.js' */

/**
 * @typedef {{ signal: AbortSignal, onProgress: (progress: { progress: number }) => void }} Calls
 * @typedef {object} Hooks
 * @property {() => ImageData | undefined} image the image that is open
 * @property {<T>(task: string, evaluations: number, run: (calls: Calls) => Promise<T>) => Promise<T | undefined>} run
 */

const plotWidth = 320
const plotHeight = 120
const decimals = 4

export class LikelihoodPanel {
  /**
   * @param {Model} model
   * @param {Estimate} estimate
   * @param {Hooks} hooks
   */
  constructor(model, estimate, hooks) {
    this.model = model
    this.estimate = estimate
    this.hooks = hooks
    this.root = element('likelihood', HTMLDetailsElement)
    this.class = element('likelihood-class', HTMLSelectElement)
    this.noise = element('likelihood-noise', HTMLSelectElement)
    this.go = element('likelihood-go', HTMLButtonElement)
    const { classes, unconditional, chain, levels } = model.info
    element('likelihood-class-field', HTMLElement).hidden = classes.length === 0
    this.class.replaceChildren(...[...(unconditional ? [none] : []), ...classes].map((value) => make('option', { value, textContent: value })))
    this.go.disabled = levels > 0
    element('likelihood-levels', HTMLElement).hidden = levels === 0
    this.#field('likelihood-terms').value = String(chain || levels || 256)
    this.root.addEventListener('toggle', () => this.#showEstimate())
    this.root.addEventListener('input', () => this.#showEstimate())
    this.root.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.target instanceof HTMLInputElement) this.#computeLikelihood()
    })
    this.go.addEventListener('click', () => this.#computeLikelihood())
    element('likelihood-bound', HTMLButtonElement).addEventListener('click', () => this.#computeBound())
  }

  /** imageOpened resets the panel for another image. @param {string} className its class, '' if unknown */
  imageOpened(className) {
    if ([...this.class.options].some(({ value }) => value === className)) this.class.value = className
    else this.class.selectedIndex = 0
    for (const id of ['likelihood-facts', 'bound-facts']) element(id, HTMLElement).replaceChildren()
    element('bound-figure', HTMLElement).hidden = true
    this.#showEstimate()
  }

  /** open shows the panel and focuses its button. */
  open() {
    this.root.open = true
    this.root.scrollIntoView({ block: 'nearest' })
    ;(this.go.disabled ? element('likelihood-bound', HTMLButtonElement) : this.go).focus({ preventScroll: true })
  }

  /** @type {(id: string) => HTMLInputElement} */
  #field(id) {
    return element(id, HTMLInputElement)
  }

  /** @type {(id: string, min: number, max: number) => number} the whole number in a field; NaN, and an error under the field, if it is not valid */
  #number(id, min, max) {
    const field = this.#field(id)
    const text = field.value.trim()
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN
    const invalid = !(value >= min && value <= max)
    field.setAttribute('aria-invalid', String(invalid))
    const error = element(`${id}-error`, HTMLElement)
    error.hidden = !invalid
    error.textContent = `must be a whole number from ${min} to ${max} (got "${text.slice(0, 20)}")`
    return invalid ? NaN : value
  }

  #settings() {
    return { steps: this.#number('likelihood-steps', 1, 10000), probes: this.#number('likelihood-probes', 1, 1000) }
  }

  async #showEstimate() {
    if (!this.root.open) return
    const { steps, probes } = this.#settings()
    const terms = this.#number('likelihood-terms', 2, 10000)
    const times = [
      this.go.disabled ? 0 : await this.estimate.likelihoodTime('flow', 4 * steps * probes, probes),
      await this.estimate.likelihoodTime('bound', terms, terms),
    ]
    const parts = ['the likelihood', 'the bound'].map((what, i) => times[i] > 0 && `${duration(times[i])} for ${what}`).filter(Boolean)
    const program = this.estimate.hasLikelihoodProgram ? '' : ', after a download of 1 MB'
    element('likelihood-estimate', HTMLElement).textContent = parts.length > 0 ? `On this device about ${parts.join(' and ')}${program}.` : ''
  }

  get #className() {
    return this.model.info.classes.length > 0 ? this.class.value : undefined
  }

  /**
   * Runs a call and learns its time.
   *
   * @template {{ nfe: number, ms: number }} T
   * @param {'flow' | 'bound'} kind
   * @param {string} task
   * @param {number} evaluations
   * @param {number} n directions or terms
   * @param {(calls: Calls) => Promise<T>} call
   */
  async #run(kind, task, evaluations, n, call) {
    const began = performance.now()
    let startup = 0
    const result = await this.hooks.run(task, evaluations, ({ signal, onProgress }) => call({
      signal,
      onProgress: (progress) => {
        startup ||= performance.now() - began
        onProgress(progress)
      },
    }))
    if (result) this.estimate.recordLikelihood(kind, result, n, startup)
    return result
  }

  async #computeLikelihood() {
    const image = this.hooks.image()
    const { steps, probes } = this.#settings()
    if (!image || !(steps > 0 && probes > 0) || this.go.disabled) return
    const noise = /** @type {'rademacher' | 'gaussian'} */ (this.noise.value)
    const result = await this.#run('flow', 'likelihood', 4 * steps * probes, probes, (calls) =>
      this.model.likelihood({ image, class: this.#className, steps, probes, noise, ...calls }))
    if (!result) return
    showFacts(element('likelihood-facts', HTMLElement), [
      ['Bits per dimension', result.bits.toFixed(decimals) + (result.error === null ? '' : ` ± ${result.error.toFixed(decimals)}`)],
      ['Directions', `${probes} ${this.noise.selectedOptions[0].textContent}`],
      ['Class', this.#className],
      ['Evaluations', String(result.nfe)],
      ['Time', duration(result.ms)],
    ])
    this.#showEstimate()
  }

  async #computeBound() {
    const image = this.hooks.image()
    const steps = this.#number('likelihood-terms', 2, 10000)
    if (!image || !steps) return
    const result = await this.#run('bound', 'variational bound', steps, steps, (calls) => this.model.bound({ image, class: this.#className, steps, ...calls }))
    if (!result) return
    const [data, ...rest] = result.terms
    showFacts(element('bound-facts', HTMLElement), [
      ['Bits per dimension, at most', result.bits.toFixed(decimals)],
      ['Pixel values, L₀', data.toFixed(decimals)],
      [`Steps, L₁ to L${subscript(rest.length)}`, rest.reduce((sum, v) => sum + v, 0).toFixed(decimals)],
      ['Prior', result.prior.toPrecision(2)],
      ['Class', this.#className],
      ['Evaluations, time', `${result.nfe}, ${duration(result.ms)}`],
    ])
    element('bound-figure', HTMLElement).hidden = false
    plot(element('bound-plot', SVGSVGElement), result)
    this.#showEstimate()
  }
}

/**
 * plot draws every term but the first over its noise level, on a logarithmic axis.
 *
 * @param {SVGSVGElement} svg
 * @param {Bound} bound
 */
function plot(svg, { terms, sigmas }) {
  const logs = sigmas.map(Math.log)
  const [low, high] = [logs[1], logs[logs.length - 1]]
  const max = Math.max(...terms.slice(1), 1e-12)
  const at = (/** @type {number} */ i) => `${(((logs[i] - low) / (high - low || 1)) * plotWidth).toFixed(1)},${(plotHeight - (terms[i] / max) * plotHeight).toFixed(1)}`
  const points = logs.map((_, i) => i).slice(1).map(at)
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', `M0,${plotHeight}L${points.join('L')}L${plotWidth},${plotHeight}Z`)
  svg.setAttribute('viewBox', `0 0 ${plotWidth} ${plotHeight}`)
  svg.replaceChildren(path)
  const peak = terms.indexOf(max)
  const short = (/** @type {number} */ v) => Number(v.toPrecision(2)).toString()
  svg.setAttribute('aria-label', `Terms of the bound over the noise level, from ${short(sigmas[1])} to ${short(sigmas[sigmas.length - 1])}: the largest is ${short(max)} bits at ${short(sigmas[peak] ?? 0)}`)
  element('bound-max', HTMLElement).textContent = `maximum: ${short(max)} bits at σ = ${short(sigmas[peak] ?? 0)}`
  element('bound-low', HTMLElement).textContent = `σ = ${short(sigmas[1])}`
  element('bound-high', HTMLElement).textContent = `σ = ${short(sigmas[sigmas.length - 1])}`
}
