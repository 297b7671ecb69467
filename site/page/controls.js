// The settings panel: fields to Settings and back.

import { AdvancedSettings } from './advancedsettings.js'
import { element, make } from './dom.js'
import {
  classesOf, classNames, correctorSteps, defaults, hasClasses, isLangevin, randomSeed, read, samplerOf, settingOf, takesCorrectorSteps, takesEta,
} from './settings.js'

/** @import { Info, Settings } from './settings.js' */

const imageCounts = [1, 4, 10, 16, 36, 100]
const variationCounts = [1, 3, 5, 7]

/** The fields with a text box and a slider, and the step of the arrow keys in the box. */
const sliders = /** @type {const} */ ({ steps: 1, guidance: 0.1, classifier_guidance: 0.5, eta: 0.05, corrector_steps: 1, resample: 1 })

/** Controls owns the settings panel once the model is loaded. */
export class Controls {
  #seedIsNew = true
  #mode = 'generate'

  /**
   * @param {Info} info
   * @param {() => void} onChange called after every change
   */
  constructor(info, onChange) {
    this.info = info
    this.onChange = onChange
    this.form = element('controls', HTMLFormElement)
    this.seed = element('seed', HTMLInputElement)
    this.keep = element('keep', HTMLInputElement)
    this.sampler = element('sampler', HTMLSelectElement)
    this.advanced = new AdvancedSettings(info, () => this.#refresh())
    this.#build()
    this.#listen()
    element('settings', HTMLFieldSetElement).disabled = false
  }

  #build() {
    const { samplers } = this.info
    const classes = classesOf(this.info)
    element('guidance-field', HTMLElement).hidden = !this.info.unconditional
    element('classifier_guidance-field', HTMLElement).hidden = !this.info.classifier
    const chips = element('class-chips', HTMLElement)
    chips.classList.toggle('keypad', classes.length === 10 && classes.every((name) => name.length <= 2))
    chips.classList.toggle('words', classes.some((name) => name.length > 2))
    fill(chips, 'class', classNames(this.info))
    fill(element('n-chips', HTMLElement), 'n', imageCounts.map(String))
    fill(element('variations-chips', HTMLElement), 'variations', variationCounts.map(String))
    this.sampler.replaceChildren(...samplers.map(({ name, title }) => make('option', { value: name, textContent: title })))
    element('steps-hint', HTMLElement).textContent = `The model's default is ${this.info.defaults.steps}.`
  }

  #listen() {
    for (const [name, step] of Object.entries(sliders)) this.#tieSlider(name, step)
    this.sampler.addEventListener('input', () => this.#setNumber('corrector_steps', correctorSteps(this.sampler.value, this.info)))
    this.form.addEventListener('input', (event) => {
      if (event.target === this.seed) this.#seedIsNew = true
      this.#refresh()
    })
    element('dice', HTMLButtonElement).addEventListener('click', () => {
      this.#setSeed(randomSeed())
      this.#refresh()
    })
  }

  /**
   * Ties a text box to its slider: each follows the other, and the arrow keys change the
   * number in the box as they do on the slider.
   *
   * @param {string} name
   * @param {number} step
   */
  #tieSlider(name, step) {
    const box = element(name, HTMLInputElement)
    const slider = element(`${name}-range`, HTMLInputElement)
    const { min = 0, max } = settingOf(name, this.info) ?? {}
    box.name = name
    box.addEventListener('input', () => {
      if (Number.isFinite(Number(box.value))) slider.value = box.value
    })
    slider.addEventListener('input', () => {
      box.value = slider.value
    })
    box.addEventListener('keydown', (event) => {
      const sign = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0
      const value = Number(box.value)
      if (sign === 0 || !Number.isFinite(value)) return
      event.preventDefault()
      box.value = String(Math.min(max || Infinity, Math.max(min, Number((value + sign * step).toFixed(4)))))
      box.dispatchEvent(new Event('input', { bubbles: true }))
    })
  }

  #refresh() {
    const sampler = this.sampler.value
    element('sampler-hint', HTMLElement).textContent = samplerOf(sampler, this.info)?.about ?? ''
    element('class-field', HTMLElement).hidden = !hasClasses({ classifier_guidance: this.#classifierGuidance }, this.info)
    element('eta-field', HTMLElement).hidden = !takesEta(sampler, this.info)
    element('corrector_steps-field', HTMLElement).hidden = !this.#takesCorrectorSteps
    element('steps-label', HTMLElement).textContent = isLangevin(sampler, this.info) ? 'Levels' : 'Steps'
    this.clearErrors()
    this.#layout()
    this.onChange()
  }

  #layout() {
    this.advanced.layout({
      mode: this.#mode, sampler: this.sampler.value, guidance: this.info.unconditional ? Number(this.#text('guidance')) : 1, classifier_guidance: this.#classifierGuidance,
    })
  }

  /** The weight of the classifier, 0 while the field cannot be read. */
  get #classifierGuidance() {
    return this.info.classifier ? Number(this.#text('classifier_guidance')) || 0 : 0
  }

  get #takesCorrectorSteps() {
    const corrector = document.getElementById('corrector')
    return takesCorrectorSteps({ sampler: this.sampler.value, options: corrector instanceof HTMLSelectElement ? { corrector: corrector.value } : {} }, this.info)
  }

  /** @param {string} mode 'generate' or 'inpaint' */
  set mode(mode) {
    this.#mode = mode
    this.#layout()
  }

  /** @param {number} seed */
  #setSeed(seed) {
    this.seed.value = String(seed)
    this.#seedIsNew = true
  }

  /** takeSeed prepares the seed for a run: a new one, unless it is kept or no run has completed with it. */
  takeSeed() {
    if (!this.#seedIsNew && !this.keep.checked) this.#setSeed(randomSeed())
  }

  /** seedUsed says that a run has completed with a seed. @param {number} seed */
  seedUsed(seed) {
    if (this.seed.value === String(seed)) this.#seedIsNew = false
  }

  /**
   * read returns the settings of the panel, or throws the error of the first field that
   * cannot be read.
   *
   * @returns {Settings}
   */
  read() {
    /** @type {Record<string, unknown>} */
    const settings = { ...defaults(this.info), mode: this.#mode, keep: this.keep.checked }
    for (const name of this.#visible()) settings[name] = read(name, this.#text(name), this.info)
    settings.options = this.advanced.read()
    return /** @type {Settings} */ (/** @type {unknown} */ (settings))
  }

  /** @returns {string[]} the visible settings */
  #visible() {
    const names = ['sampler', 'steps', 'seed']
    if (this.info.unconditional) names.push('guidance')
    if (this.#takesCorrectorSteps) names.push('corrector_steps')
    if (this.info.classifier) names.push('classifier_guidance')
    if (hasClasses({ classifier_guidance: this.#classifierGuidance }, this.info)) names.unshift('class')
    if (takesEta(this.sampler.value, this.info)) names.push('eta')
    names.push(...(this.#mode === 'inpaint' ? ['variations', 'resample'] : ['n']))
    return names
  }

  /** @type {(name: string) => string} */
  #text(name) {
    return String(new FormData(this.form).get(name) ?? '').trim()
  }

  /**
   * showError marks the field that an error names.
   *
   * @param {unknown} error a SettingError, or an error of the module with a field
   * @param {{ focus?: boolean }} [options]
   * @returns {boolean} whether the error is shown next to its field
   */
  showError(error, { focus = false } = {}) {
    const { field: name, message } = /** @type {{ field?: string, message: string }} */ (error)
    const field = name && document.getElementById(name === 'n' && this.#mode === 'inpaint' ? 'variations' : name)
    if (!field) return false
    const shown = this.advanced.showError(name, message.replace(/^\w+: /, ''))
    field.setAttribute('aria-invalid', 'true')
    if (focus) field.focus()
    return shown
  }

  /** clearErrors unmarks all fields. */
  clearErrors() {
    for (const field of this.form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
    this.advanced.clearErrors()
  }

  /** @param {Settings} settings */
  write(settings) {
    this.#mode = settings.mode
    choose(this.form, 'class', settings.class)
    choose(this.form, 'n', String(settings.n))
    choose(this.form, 'variations', String(settings.variations))
    this.sampler.value = settings.sampler
    for (const name of /** @type {(keyof typeof sliders)[]} */ (Object.keys(sliders))) {
      this.#setNumber(name, settings[name])
    }
    this.#setSeed(settings.seed)
    this.keep.checked = settings.keep
    this.advanced.write(settings.options)
    this.#refresh()
  }

  /** @type {(name: string, value: number) => void} */
  #setNumber(name, value) {
    element(name, HTMLInputElement).value = String(value)
    element(`${name}-range`, HTMLInputElement).value = String(value)
  }

  /** @param {string} name of the class to select */
  chooseClass(name) {
    if (classesOf(this.info).includes(name)) choose(this.form, 'class', name)
  }
}

/**
 * @param {HTMLElement} root
 * @param {string} name
 * @param {string[]} values
 */
function fill(root, name, values) {
  root.replaceChildren(...values.map((value) => chip(name, value)))
}

/** @type {(name: string, value: string) => HTMLLabelElement} */
function chip(name, value) {
  return make('label', {}, make('input', { type: 'radio', name, value }), make('span', { textContent: value }))
}

/**
 * choose checks the radio button of a value, and adds one for a value that has none.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function choose(form, name, value) {
  const buttons = [...form.querySelectorAll('input')].filter((input) => input.type === 'radio' && input.name === name)
  let button = buttons.find((input) => input.value === value)
  if (!button) {
    const added = chip(name, value)
    element(`${name}-chips`, HTMLElement).append(added)
    button = /** @type {HTMLInputElement} */ (added.firstChild)
  }
  button.checked = true
}
