// The finer settings, as the engine describes them: a field each, empty for what the
// sampler or the model does by itself.

import { element, make } from './dom.js'
import { offered, readOption, SettingError } from './settings.js'

/** @import { FieldError, ModelInfo, Setting } from '../lib/tweedie.js' */
/** @import { Options, Settings } from './settings.js' */
/** @typedef {{ setting: Setting, root: HTMLElement, input: HTMLInputElement | HTMLSelectElement, error: HTMLElement }} Field */

const titles = /** @type {Record<string, string>} */ ({ levels: 'Noise levels', guidance: 'Guidance', threshold: 'Range of pixels', inpaint: 'Repainting' })

/** Finer owns the fields in #finer. */
export class Finer {
  /** @type {Map<string, Field>} by name of the setting */
  #fields = new Map()
  /** @type {{ legend: HTMLElement, root: HTMLElement, group: string }[]} */
  #groups = []
  /** @type {string[]} names of what is shown */
  #shown = []
  #last = '' // name of the field that was last changed

  /**
   * @param {ModelInfo} info
   * @param {() => void} onChange after a reset; else the form's own events tell
   */
  constructor(info, onChange) {
    this.info = info
    this.root = element('finer', HTMLDetailsElement)
    const settings = info.settings.filter(({ basic }) => !basic)
    const groups = new Set(settings.map(({ group }) => group))
    this.#groups = [...groups].map((group) => {
      const legend = make('legend', { textContent: titles[group] ?? '' })
      const fields = settings.filter((setting) => setting.group === group).map((setting) => this.#field(setting))
      return { group, legend, root: make('fieldset', {}, legend, ...fields) }
    })
    element('finer-fields', HTMLElement).replaceChildren(...this.#groups.map(({ root }) => root))
    this.root.addEventListener('input', ({ target }) => { this.#last = /** @type {HTMLInputElement} */ (target).id })
    element('finer-reset', HTMLButtonElement).addEventListener('click', () => {
      this.write({})
      onChange()
    })
  }

  /** @type {(setting: Setting) => HTMLElement} */
  #field(setting) {
    const { name, kind, title, help } = setting
    const hint = make('p', { className: 'hint', id: `${name}-about`, textContent: help })
    const error = make('p', { className: 'error', id: `${name}-error`, hidden: true })
    const described = `${hint.id} ${error.id}`
    const input = kind === 'choice'
      ? make('select', { id: name }, ...['', ...(setting.choices ?? [])].map((value) => make('option', { value, textContent: value })))
      : make('input', { id: name, type: kind === 'switch' ? 'checkbox' : 'text', inputMode: kind === 'whole' ? 'numeric' : 'decimal', autocomplete: 'off' })
    if (kind === 'whole' || kind === 'real') input.className = 'number'
    input.setAttribute('aria-describedby', described)
    const label = make('label', { className: kind === 'switch' ? 'check' : 'label', htmlFor: name }, ...(kind === 'switch' ? [input, ' ' + title] : [title]))
    const root = make('div', { className: `field fine ${kind}` }, label, ...(kind === 'switch' ? [] : [input]), error, hint)
    this.#fields.set(name, { setting, root, input, error })
    return root
  }

  /**
   * lay shows the fields that mean something beside these settings.
   *
   * @param {Pick<Settings, 'mode' | 'sampler' | 'guidance' | 'classifier_guidance'>} settings
   */
  lay(settings) {
    this.#shown = offered({ ...settings, options: this.#choices() }, this.info).map(({ name }) => name)
    const sampler = this.info.samplers.find(({ name }) => name === settings.sampler)
    for (const [name, { root, input, setting }] of this.#fields) {
      root.hidden = !this.#shown.includes(name)
      const own = this.#own(setting, settings.sampler)
      if (input instanceof HTMLSelectElement) input.options[0].textContent = `default: ${own}`
      else input.placeholder = own
    }
    for (const { root, legend, group } of this.#groups) {
      root.hidden = !this.info.settings.some((setting) => setting.group === group && this.#shown.includes(setting.name))
      if (group === 'sampler') legend.textContent = sampler?.title ?? ''
    }
    const given = this.#shown.filter((name) => this.#text(name) !== '').length
    element('finer-count', HTMLElement).textContent = given > 0 ? `${given} set` : ''
    element('finer-reset', HTMLButtonElement).disabled = given === 0
  }

  /** @type {(setting: Setting, name: string) => string} what holds where a field is empty */
  #own({ name, default: own = '' }, samplerName) {
    const sampler = this.info.samplers.find((each) => each.name === samplerName)
    const { defaults } = this.info
    if (name === 'epsilon' && defaults.epsilon && samplerName === defaults.sampler) return String(defaults.epsilon)
    const of = /** @type {Record<string, string | number | undefined>} */ ({
      order: sampler?.orders, rtol: sampler?.rtol, atol: sampler?.atol, schedule: defaults.schedule || sampler?.schedule || 'karras',
    })
    return of[name] ? String(of[name]) : own
  }

  /** @type {(name: string) => string} */
  #text(name) {
    const input = this.#fields.get(name)?.input
    if (input instanceof HTMLInputElement && input.type === 'checkbox') return input.checked ? '1' : ''
    return input?.value.trim() ?? ''
  }

  /** @returns {Options} what the lists say, by which other fields come and go */
  #choices() {
    const choices = this.info.settings.filter(({ name, kind }) => kind === 'choice' && this.#fields.has(name))
    return Object.fromEntries(choices.map(({ name }) => [name, this.#text(name)]).filter(([, text]) => text))
  }

  /** @returns {Options} what is given; a SettingError, beside its field, names what cannot be read */
  read() {
    /** @type {Options} */
    const options = {}
    for (const name of this.#shown) {
      const text = this.#text(name)
      const { setting } = /** @type {Field} */ (this.#fields.get(name))
      if (text === '') continue
      try {
        options[name] = readOption(setting, text)
      } catch (error) {
        if (error instanceof SettingError) this.#tell(name, error.message)
        throw error
      }
    }
    return options
  }

  /** @param {Options} options */
  write(options) {
    this.calm()
    for (const { setting: { name }, input } of this.#fields.values()) {
      const value = options[name]
      if (input instanceof HTMLInputElement && input.type === 'checkbox') input.checked = value === true
      else input.value = value === undefined ? '' : String(value)
    }
    if (Object.keys(options).length > 0) this.root.open = true
  }

  /**
   * blame shows an error beside the field of the setting that it names, or, if it names
   * none, of the one that was last changed.
   *
   * @param {unknown} error
   */
  blame(error) {
    this.calm()
    const { field = this.#last, message } = /** @type {Partial<FieldError>} */ (error)
    if (this.#shown.includes(field)) this.#tell(field, String(message))
  }

  /** @type {(name: string, text: string) => void} */
  #tell(name, text) {
    const { input, error } = /** @type {Field} */ (this.#fields.get(name))
    input.setAttribute('aria-invalid', 'true')
    error.textContent = text
    error.hidden = false
    this.root.open = true
  }

  /** calm takes the errors away. */
  calm() {
    for (const { input, error } of this.#fields.values()) {
      input.removeAttribute('aria-invalid')
      error.hidden = true
    }
  }
}
