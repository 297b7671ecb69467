// The settings panel: fields to Settings and back.

import { element, make } from './dom.js'
import { Finer } from './options.js'
import {
  asksClass, classesOf, classNames, correctorSteps, corrects, defaults, drawSeed, isLangevin, rangeOf, read, SettingError, takesEta,
} from './settings.js'

/** @import { Info, Settings } from './settings.js' */

const imageCounts = [1, 4, 10, 16, 36, 100]
const variationCounts = [1, 3, 5, 7]

/** The fields with a box and a slider, and the step of the arrow keys in the box. */
const numbers = /** @type {const} */ ({ steps: 1, guidance: 0.1, classifier_guidance: 0.5, eta: 0.05, corrector_steps: 1, resample: 1 })

/**
 * Controls owns the settings panel once the model is known. Each choice that can
 * be read is told to onChange; one that cannot waits until read names it.
 */
export class Controls {
  #seedIsNew = true
  #mode = 'generate'

  /**
   * @param {Info} info
   * @param {() => void} onChange
   */
  constructor(info, onChange) {
    this.info = info
    this.onChange = onChange
    this.form = element('controls', HTMLFormElement)
    this.seed = element('seed', HTMLInputElement)
    this.keep = element('keep', HTMLInputElement)
    this.sampler = element('sampler', HTMLSelectElement)
    this.finer = new Finer(info, () => this.#refresh())
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
    fill(chips, 'class', classNames(this.info))
    fill(element('n-chips', HTMLElement), 'n', imageCounts.map(String))
    fill(element('variations-chips', HTMLElement), 'variations', variationCounts.map(String))
    this.sampler.replaceChildren(...samplers.map(({ name, title }) => make('option', { value: name, textContent: title })))
  }

  #listen() {
    for (const [key, step] of Object.entries(numbers)) pair(key, step, rangeOf(key, this.info))
    this.sampler.addEventListener('input', () => this.#number('corrector_steps', correctorSteps(this.sampler.value, this.info)))
    this.form.addEventListener('input', (event) => {
      if (event.target === this.seed) this.#seedIsNew = true
      this.#refresh()
    })
    element('dice', HTMLButtonElement).addEventListener('click', () => {
      this.setSeed(drawSeed())
      this.#refresh()
    })
  }

  #refresh() {
    const sampler = this.info.samplers.find(({ name }) => name === this.sampler.value)
    element('sampler-about', HTMLElement).textContent = sampler?.about ?? ''
    element('class-field', HTMLElement).hidden = !asksClass({ classifier_guidance: this.#along }, this.info)
    element('eta-field', HTMLElement).hidden = !takesEta(this.sampler.value, this.info)
    element('corrector_steps-field', HTMLElement).hidden = !this.#corrects
    const noun = isLangevin(this.sampler.value, this.info) ? 'Levels' : 'Steps'
    element('steps-label', HTMLElement).textContent = noun
    element('steps-hint', HTMLElement).textContent = `${this.info.defaults.steps} is this model's own choice.`
    for (const field of this.form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
    this.finer.calm()
    this.#lay()
    this.onChange()
  }

  #lay() {
    this.finer.lay({ mode: this.#mode, sampler: this.sampler.value, guidance: this.info.unconditional ? Number(this.#text('guidance')) : 1, classifier_guidance: this.#along })
  }

  /** The weight of the classifier, 0 while it cannot be read. */
  get #along() {
    return this.info.classifier ? Number(this.#text('classifier_guidance')) || 0 : 0
  }

  get #corrects() {
    return corrects({ sampler: this.sampler.value, options: { corrector: element('corrector', HTMLSelectElement).value } }, this.info)
  }

  /** @param {string} mode 'generate' or 'inpaint' */
  set mode(mode) {
    this.#mode = mode
    this.#lay()
  }

  /**
   * setSeed shows a seed that no run has used yet.
   *
   * @param {number} seed
   */
  setSeed(seed) {
    this.seed.value = String(seed)
    this.#seedIsNew = true
  }

  /** takeSeed prepares the seed for a run: another one, unless it is kept or new. */
  takeSeed() {
    if (!this.#seedIsNew && !this.keep.checked) this.setSeed(drawSeed())
    this.#seedIsNew = false
  }

  /**
   * read returns the panel's settings; the error of the first that cannot be
   * used is thrown, its field marked and focused when mark is set.
   *
   * @param {boolean} [mark]
   * @returns {Settings}
   */
  read(mark = false) {
    /** @type {Record<string, unknown>} */
    const settings = { ...defaults(this.info), mode: this.#mode, keep: this.keep.checked }
    for (const key of this.#shown()) {
      try {
        settings[key] = read(key, this.#text(key), this.info)
      } catch (error) {
        if (mark && error instanceof SettingError) this.#mark(key)
        throw error
      }
    }
    settings.options = this.finer.read()
    return /** @type {Settings} */ (/** @type {unknown} */ (settings))
  }

  /** @returns {string[]} the settings that the panel shows now; a hidden one cannot be wrong */
  #shown() {
    const keys = ['sampler', 'steps', 'seed']
    if (this.info.unconditional) keys.push('guidance')
    if (this.#corrects) keys.push('corrector_steps')
    if (this.info.classifier) keys.push('classifier_guidance')
    if (asksClass({ classifier_guidance: this.#along }, this.info)) keys.unshift('class')
    if (takesEta(this.sampler.value, this.info)) keys.push('eta')
    keys.push(...(this.#mode === 'inpaint' ? ['variations', 'resample'] : ['n']))
    return keys
  }

  /** @type {(key: string) => string} */
  #text(key) {
    return String(new FormData(this.form).get(key) ?? '').trim()
  }

  /** @param {string} key */
  #mark(key) {
    const field = document.getElementById(key)
    field?.setAttribute('aria-invalid', 'true')
    field?.focus()
  }

  /** @param {Settings} settings */
  write(settings) {
    this.#mode = settings.mode
    choose(this.form, 'class', settings.class)
    choose(this.form, 'n', String(settings.n))
    choose(this.form, 'variations', String(settings.variations))
    this.sampler.value = settings.sampler
    for (const key of /** @type {(keyof typeof numbers)[]} */ (Object.keys(numbers))) {
      this.#number(key, settings[key])
    }
    this.setSeed(settings.seed)
    this.keep.checked = settings.keep
    this.finer.write(settings.options)
    this.#refresh()
  }

  /** @type {(key: string, value: number) => void} */
  #number(key, value) {
    element(key, HTMLInputElement).value = String(value)
    element(`${key}-range`, HTMLInputElement).value = String(value)
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
 * choose checks the radio button of this value; a value that has none gets one.
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

/**
 * pair ties a number's box to its slider: each follows the other, and the
 * arrow keys step in the box as they do on the slider.
 *
 * @param {string} key
 * @param {number} step
 * @param {readonly number[]} range
 */
function pair(key, step, [min, max]) {
  const box = element(key, HTMLInputElement)
  const slider = element(`${key}-range`, HTMLInputElement)
  box.name = key
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
    box.value = String(Math.min(max, Math.max(min, Number((value + sign * step).toFixed(4)))))
    box.dispatchEvent(new Event('input', { bubbles: true }))
  })
}
