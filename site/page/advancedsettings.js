// The advanced settings, made from the engine's descriptions: one field each. An empty
// field means the default of the sampler or the model.

import { element, make } from './dom.js'
import { advanced, applicable, readOption, samplerOf, SettingError } from './settings.js'

/** @import { Setting } from '../lib/tweedie.js' */
/** @import { Info, Options, Settings } from './settings.js' */
/** @typedef {{ setting: Setting, root: HTMLElement, input: HTMLInputElement | HTMLSelectElement, error: HTMLElement }} Field */

const groupTitles = /** @type {Record<string, string>} */ ({ run: 'Images', levels: 'Noise levels', guidance: 'Guidance', threshold: 'Range of pixel values', inpaint: 'Inpainting' })

/** AdvancedSettings owns the fields in #advanced. */
export class AdvancedSettings {
  /** @type {Map<string, Field>} by name of the setting */
  #fields = new Map()
  /** @type {{ legend: HTMLElement, root: HTMLElement, group: string }[]} */
  #groups = []
  /** @type {string[]} names of the visible fields */
  #visible = []

  /**
   * @param {Info} info
   * @param {() => void} onChange called after a reset; other changes are input events of the form
   */
  constructor(info, onChange) {
    this.info = info
    this.root = element('advanced', HTMLDetailsElement)
    const settings = advanced(info)
    this.#groups = [...new Set(settings.map(({ group }) => group))].map((group) => {
      const legend = make('legend', { textContent: groupTitles[group] ?? '' })
      const fields = settings.filter((setting) => setting.group === group).map((setting) => this.#field(setting))
      return { group, legend, root: make('fieldset', {}, legend, ...fields) }
    })
    element('advanced-fields', HTMLElement).replaceChildren(...this.#groups.map(({ root }) => root))
    element('advanced-reset', HTMLButtonElement).addEventListener('click', () => {
      this.write({})
      onChange()
    })
  }

  /** @type {(setting: Setting) => HTMLElement} */
  #field(setting) {
    const { name, kind, title, help } = setting
    const hint = make('p', { className: 'hint', id: `${name}-hint`, textContent: help })
    const error = make('p', { className: 'error', id: `${name}-error`, hidden: true })
    const input = kind === 'choice'
      ? make('select', { id: name }, ...['', ...(setting.choices ?? [])].map((value) => make('option', { value, textContent: value })))
      : make('input', { id: name, type: kind === 'switch' ? 'checkbox' : 'text', inputMode: kind === 'whole' ? 'numeric' : kind === 'size' ? 'text' : 'decimal', autocomplete: 'off' })
    if (kind === 'whole' || kind === 'real') input.className = 'number'
    input.setAttribute('aria-describedby', `${hint.id} ${error.id}`)
    const label = make('label', { className: kind === 'switch' ? 'check' : 'label', htmlFor: name }, ...(kind === 'switch' ? [input, ' ' + title] : [title]))
    const root = make('div', { className: `field compact ${kind}` }, label, ...(kind === 'switch' ? [] : [input]), error, hint)
    this.#fields.set(name, { setting, root, input, error })
    return root
  }

  /**
   * layout shows the fields that have an effect with these settings.
   *
   * @param {Pick<Settings, 'mode' | 'sampler' | 'guidance' | 'classifier_guidance'>} settings
   */
  layout(settings) {
    this.#visible = applicable({ ...settings, options: this.#choices() }, this.info).map(({ name }) => name)
    for (const [name, { root, input, setting }] of this.#fields) {
      root.hidden = !this.#visible.includes(name)
      const text = this.#default(setting, settings.sampler)
      if (input instanceof HTMLSelectElement) input.options[0].textContent = `default: ${text}`
      else input.placeholder = text
    }
    for (const { root, legend, group } of this.#groups) {
      root.hidden = !advanced(this.info).some((setting) => setting.group === group && this.#visible.includes(setting.name))
      if (group === 'sampler') legend.textContent = samplerOf(settings.sampler, this.info)?.title ?? ''
    }
    const given = this.#visible.filter((name) => this.#text(name) !== '').length
    element('advanced-count', HTMLElement).textContent = given > 0 ? `${given} set` : ''
    element('advanced-reset', HTMLButtonElement).disabled = given === 0
  }

  /** @type {(setting: Setting, samplerName: string) => string} the value that an empty field means */
  #default(setting, samplerName) {
    const sampler = samplerOf(samplerName, this.info)
    const { defaults } = this.info
    const known = /** @type {Record<string, string | number | undefined>} */ ({
      order: sampler?.few_steps ? `${sampler.orders}, or ${sampler.few_order} below ${sampler.few_steps} steps` : sampler?.orders, rtol: sampler?.rtol, atol: sampler?.atol, schedule: defaults.schedule || sampler?.schedule || 'karras',
      epsilon: samplerName === defaults.sampler ? defaults.epsilon : undefined,
    })
    return String(known[setting.name] || setting.default || '')
  }

  /** @type {(name: string) => string} */
  #text(name) {
    const input = this.#fields.get(name)?.input
    if (input instanceof HTMLInputElement && input.type === 'checkbox') return input.checked ? '1' : ''
    return input?.value.trim() ?? ''
  }

  /** @returns {Options} the selected choices, on which the visibility of other fields depends */
  #choices() {
    const choices = advanced(this.info).filter(({ kind }) => kind === 'choice')
    return Object.fromEntries(choices.map(({ name }) => [name, this.#text(name)]).filter(([, text]) => text))
  }

  /** @returns {Options} the given settings; it shows and throws the SettingError of a field that cannot be read */
  read() {
    /** @type {Options} */
    const options = {}
    for (const name of this.#visible) {
      const text = this.#text(name)
      const { setting } = /** @type {Field} */ (this.#fields.get(name))
      if (text === '') continue
      try {
        options[name] = readOption(setting, text)
      } catch (error) {
        if (error instanceof SettingError) this.showError(name, error.message)
        throw error
      }
    }
    return options
  }

  /** @param {Options} options */
  write(options) {
    this.clearErrors()
    for (const { setting: { name }, input } of this.#fields.values()) {
      const value = options[name]
      if (input instanceof HTMLInputElement && input.type === 'checkbox') input.checked = value === true
      else input.value = value === undefined ? '' : String(value)
    }
    if (Object.keys(options).length > 0) this.root.open = true
  }

  /**
   * showError shows an error under a field.
   *
   * @param {string} name of the setting
   * @param {string} text
   * @returns {boolean} whether the field is one of these
   */
  showError(name, text) {
    const field = this.#fields.get(name)
    if (!field || !this.#visible.includes(name)) return false
    field.input.setAttribute('aria-invalid', 'true')
    field.error.textContent = text
    field.error.hidden = false
    this.root.open = true
    return true
  }

  clearErrors() {
    for (const { input, error } of this.#fields.values()) {
      input.removeAttribute('aria-invalid')
      error.hidden = true
    }
  }
}
