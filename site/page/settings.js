// The settings of a run: their ranges, and their form as text in the page's
// address. Pure functions; nothing here touches the page.

/** @import { Call, ModelInfo, Setting } from '../lib/tweedie.js' */
/** @typedef {ModelInfo & { classifier?: import('./models.js').Classifier }} Info what the page knows of a model */
/** @typedef {Record<string, string | number | boolean>} Options settings of info.settings that are given, by name */

/**
 * @typedef {object} Settings everything that, with the model, decides the bytes of a run
 * @property {string} mode 'generate' or 'inpaint'
 * @property {string} class 'all', dealt out in turn, 'none', or the name of a class
 * @property {number} n images of a run of mode 'generate'
 * @property {number} variations images of a run of mode 'inpaint'
 * @property {string} sampler name of one of the model's samplers
 * @property {number} steps
 * @property {number} guidance 1 leaves the model as it is
 * @property {number} classifier_guidance weight of a classifier's gradient, 0 for none
 * @property {number} eta share of fresh noise, for samplers that take it
 * @property {number} corrector_steps Langevin steps at a noise level, for samplers that take them
 * @property {number} resample passes over each step, mode 'inpaint'
 * @property {number} seed whole, 0 to 2⁵³ − 1
 * @property {Options} options the finer ones
 * @property {boolean} keep whether the next run uses the same seed; does not change this one
 */

export const all = 'all'
export const none = 'none'

/** The limits of the page, which are narrower than those of info.settings. */
export const limits = Object.freeze({
  n: [1, 100],
  variations: [1, 16],
  steps: [1, 1000],
  guidance: [0, 20],
  classifier_guidance: [0, 20],
  resample: [1, 20],
  seed: [0, Number.MAX_SAFE_INTEGER],
})

/** SettingError is the FieldError of a text that is no value of a setting. */
export class SettingError extends Error {
  /**
   * @param {string} field
   * @param {string} text
   * @param {string} want
   */
  constructor(field, text, want) {
    super(`${field} must be ${want} (got "${clip(text)}")`)
    this.name = 'SettingError'
    this.field = field
    this.got = `"${clip(text)}"`
    this.want = want
  }
}

/**
 * defaults are the model's own settings, with seed 1.
 *
 * @param {Info} info
 * @returns {Settings}
 */
export function defaults(info) {
  const { sampler, steps, guidance, eta } = info.defaults
  return {
    mode: 'generate', class: all, n: 16, variations: 3,
    sampler, steps, guidance, classifier_guidance: 0, eta: eta ?? 0, corrector_steps: correctorSteps(sampler, info),
    resample: 1, seed: 1, options: {}, keep: false,
  }
}

/**
 * rangeOf is the lowest and the highest number that the page takes for a setting: its own
 * limits, else the setting's.
 *
 * @param {string} key
 * @param {Info} info
 * @returns {readonly number[]}
 */
export function rangeOf(key, info) {
  const { min = 0, max = Infinity } = info.settings.find(({ name }) => name === key) ?? {}
  return /** @type {Record<string, readonly number[]>} */ (limits)[key] ?? [min, max]
}

/**
 * read turns the text of one setting into its value, or throws a SettingError.
 *
 * @param {string} key
 * @param {string} text
 * @param {Info} info
 * @returns {string | number | boolean}
 */
export function read(key, text, info) {
  switch (key) {
    case 'mode':
      return oneOf(key, text, ['generate', 'inpaint'])
    case 'class':
      return oneOf(key, text, classNames(info))
    case 'sampler':
      return oneOf(key, text, info.samplers.map((sampler) => sampler.name))
    case 'keep':
      return oneOf(key, text, ['0', '1']) === '1'
    case 'classifier_guidance':
      if (!info.classifier && text !== '0') throw new SettingError(key, text, '0: the site has no classifier for the model')
      return decimal(key, text, limits[key])
    case 'guidance':
      return decimal(key, text, limits[key])
    case 'n':
    case 'variations':
    case 'steps':
    case 'resample':
    case 'seed':
      return whole(key, text, limits[key])
  }
  const setting = info.settings.find(({ name }) => name === key)
  if (!setting) throw new Error(`unknown setting "${clip(key)}"`)
  return readOption(setting, text)
}

/**
 * readOption turns the text of a setting into its value, in the range that info gives.
 *
 * @param {Setting} setting
 * @param {string} text
 * @returns {string | number | boolean}
 */
export function readOption({ name, kind, choices = [], min, max = Infinity, above = false }, text) {
  switch (kind) {
    case 'choice':
      return oneOf(name, text, choices)
    case 'switch':
      return oneOf(name, text, ['0', '1']) === '1'
    case 'whole':
      return whole(name, text, [min, max])
    default:
      return real(name, text, [min, max], above)
  }
}

/**
 * offered are the finer settings that mean something beside these.
 *
 * @param {Pick<Settings, 'mode' | 'sampler' | 'guidance' | 'classifier_guidance' | 'options'>} settings
 * @param {Info} info
 * @returns {Setting[]}
 */
export function offered({ mode, sampler, guidance, classifier_guidance, options }, info) {
  const takes = info.samplers.find(({ name }) => name === sampler)?.takes ?? []
  return info.settings.filter(({ name, group, only, basic }) => {
    if (basic) return false
    const [other, values] = only?.split('=') ?? []
    if (values !== undefined && !values.split('|').includes(String(options[other] ?? ''))) return false
    /** @type {Partial<Record<Setting['group'], boolean>>} */
    const applies = { sampler: takes.includes(/** @type {any} */ (name)), guidance: guidance !== 1 || classifier_guidance > 0, inpaint: mode === 'inpaint' }
    return applies[group] ?? true
  })
}

/**
 * callOf is what the module is asked for, but for the number of images.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {Call & { resample?: number }}
 */
export function callOf(settings, info) {
  const { seed, sampler, steps, guidance, options } = settings
  const given = offered(settings, info).filter(({ name }) => name in options).map(({ name }) => [name, options[name]])
  return {
    seed, sampler, steps, guidance, class: classAsked(settings, info),
    ...(settings.classifier_guidance > 0 && { classifier_guidance: settings.classifier_guidance }),
    ...(takesEta(sampler, info) && { eta: settings.eta }),
    ...(corrects(settings, info) && { corrector_steps: settings.corrector_steps }),
    ...(settings.mode === 'inpaint' && { resample: settings.resample }),
    ...Object.fromEntries(given),
  }
}

/**
 * parseHash reads the address's settings, on top of the model's defaults.
 * Every value that cannot be used is told in problems, none is replaced in silence.
 *
 * @param {string} hash with or without the leading #
 * @param {Info} info
 * @returns {{ settings: Settings, problems: string[], given: Set<string> }}
 */
export function parseHash(hash, info) {
  /** @type {Settings} */
  const settings = defaults(info)
  const given = new Set()
  const problems = []
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ''))) {
    try {
      if (given.has(key)) throw new Error(`setting "${clip(key)}" is given twice`)
      given.add(key)
      const value = read(key, text, info)
      Object.assign(key in settings ? settings : settings.options, { [key]: value })
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  const idle = Object.keys(settings.options).filter((name) => !offered(settings, info).some((setting) => setting.name === name))
  if (given.has('corrector_steps') && !corrects(settings, info)) idle.push('corrector_steps')
  if (settings.eta !== 0 && given.has('eta') && !takesEta(settings.sampler, info)) idle.push('eta')
  if (settings.class !== all && !asksClass(settings, info)) idle.push('class')
  problems.push(...idle.map((name) => `${name} means nothing beside the other settings, need it left out`))
  if (!given.has('corrector_steps')) settings.corrector_steps = correctorSteps(settings.sampler, info)
  return { settings, problems, given }
}

/**
 * formatHash writes every setting that matters in the settings' mode, defaults
 * too: a link must mean the same after a default changes.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {string} starts with #
 */
export function formatHash(settings, info) {
  const inpaint = settings.mode === 'inpaint'
  const query = new URLSearchParams()
  if (inpaint) query.set('mode', 'inpaint')
  if (asksClass(settings, info)) query.set('class', settings.class)
  if (inpaint) query.set('variations', String(settings.variations))
  else query.set('n', String(settings.n))
  query.set('sampler', settings.sampler)
  query.set('steps', String(settings.steps))
  query.set('guidance', String(settings.guidance))
  if (settings.classifier_guidance > 0) query.set('classifier_guidance', String(settings.classifier_guidance))
  if (takesEta(settings.sampler, info)) query.set('eta', String(settings.eta))
  if (corrects(settings, info)) query.set('corrector_steps', String(settings.corrector_steps))
  if (inpaint) query.set('resample', String(settings.resample))
  for (const { name } of offered(settings, info)) {
    const value = settings.options[name]
    if (value !== undefined) query.set(name, value === true ? '1' : String(value))
  }
  query.set('seed', String(settings.seed))
  if (settings.keep) query.set('keep', '1')
  return '#' + query
}

/**
 * classNames are the classes that can be asked for, all and none among them.
 *
 * @param {Info} info
 * @returns {string[]}
 */
export function classNames(info) {
  return [all, ...(info.unconditional ? [none] : []), ...classesOf(info)]
}

/**
 * classesOf are the model's classes, or those of the classifier that can guide one without.
 *
 * @param {Info} info
 * @returns {string[]}
 */
export function classesOf(info) {
  return info.classes.length > 0 ? info.classes : info.classifier?.classes ?? []
}

/**
 * @param {Pick<Settings, 'classifier_guidance'>} settings
 * @param {Info} info
 * @returns {boolean} whether a run is of classes
 */
export function asksClass({ classifier_guidance }, info) {
  return info.classes.length > 0 || classifier_guidance > 0
}

/**
 * classAsked is the settings' class as the module takes it: undefined deals all out in turn.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {string | number | undefined}
 */
export function classAsked(settings, info) {
  if (settings.class === all || !asksClass(settings, info)) return undefined
  return settings.class === none ? none : classesOf(info).indexOf(settings.class)
}

/**
 * classOf is the name of the class that sample i of a run is of, '' where there is none.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @param {number} i
 * @returns {string}
 */
export function classOf(settings, info, i) {
  if (!asksClass(settings, info) || settings.class === none) return ''
  const classes = classesOf(info)
  return settings.class === all ? classes[i % classes.length] : settings.class
}

/**
 * @param {string} name
 * @param {Info} info
 * @returns {boolean} whether this sampler has an η to set
 */
export function takesEta(name, info) {
  return Boolean(info.samplers.find((sampler) => sampler.name === name)?.eta)
}

/**
 * @param {string} name
 * @param {Info} info
 * @returns {boolean} whether this sampler takes Langevin steps at every noise level
 */
export function takesCorrectorSteps(name, info) {
  return Boolean(info.samplers.find((sampler) => sampler.name === name)?.takes.includes('corrector_steps'))
}

/**
 * @param {Pick<Settings, 'sampler' | 'options'>} settings
 * @param {Info} info
 * @returns {boolean} whether it does take them here: a predictor may go without a corrector
 */
export function corrects({ sampler, options }, info) {
  return takesCorrectorSteps(sampler, info) && options.corrector !== 'none'
}

/**
 * @param {string} name
 * @param {Info} info
 * @returns {boolean} whether this sampler does nothing else
 */
export function isLangevin(name, info) {
  return takesCorrectorSteps(name, info) && !info.samplers.find((sampler) => sampler.name === name)?.takes.includes('corrector')
}

/**
 * @param {string} name
 * @param {Info} info
 * @returns {number} the Langevin steps at a noise level that a sampler takes by itself
 */
export function correctorSteps(name, info) {
  const own = name === info.defaults.sampler ? info.defaults.corrector_steps : undefined
  const sampler = info.samplers.find((each) => each.name === name)
  return own ?? (isLangevin(name, info) ? sampler?.evaluations ?? 1 : 1)
}

/** @returns {number} a seed of 32 random bits: short enough to be read out */
export function drawSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0]
}

/** @type {(key: string, text: string, choices: string[]) => string} */
function oneOf(key, text, choices) {
  if (!choices.includes(text)) throw new SettingError(key, text, `one of ${choices.join(', ')}`)
  return text
}

/** @type {(key: string, text: string, range: readonly number[]) => number} */
function whole(key, text, [min, max]) {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new SettingError(key, text, `a whole number ${within(min, max)}`)
  return value
}

/** @type {(key: string, text: string, range: readonly number[]) => number} */
function decimal(key, text, [min, max]) {
  const value = /^\d{1,9}(\.\d{0,9})?$|^\.\d{1,9}$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new SettingError(key, text, `a number ${within(min, max)}`)
  return value
}

/** @type {(key: string, text: string, range: readonly number[], above: boolean) => number} */
function real(key, text, [min, max], above) {
  const value = /^(\d{1,9}(\.\d{0,9})?|\.\d{1,9})(e[+-]?\d{1,2})?$/i.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max) || (above && value === min)) {
    throw new SettingError(key, text, `a number ${above ? `above ${min}${max < Infinity ? ` and at most ${max}` : ''}` : within(min, max)}`)
  }
  return value
}

/** @type {(min: number, max: number) => string} */
function within(min, max) {
  return max < Infinity ? `from ${min} to ${max}` : `of at least ${min}`
}

/** @type {(text: string) => string} */
function clip(text) {
  return text.length > 40 ? text.slice(0, 40) + '…' : text
}
