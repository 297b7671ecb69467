// The settings of a run: their names, ranges and values. model.info.settings describes
// them; this file adds those that only the page has. Pure functions.

import { clip } from './format.js'

/** @import { Call, ModelInfo, Setting } from '../lib/tweedie.js' */
/** @typedef {ModelInfo & { classifier?: import('./models.js').Classifier }} Info what the page knows of a model */
/** @typedef {Record<string, string | number | boolean>} Options the advanced settings that are given, by name */

/**
 * @typedef {object} Settings everything that, with the model, determines the images of a run
 * @property {string} mode 'generate' or 'inpaint'
 * @property {string} class 'all' for all classes in turn, 'none', or the name of a class
 * @property {number} n images of a run of mode 'generate'
 * @property {number} variations images of a run of mode 'inpaint'
 * @property {string} sampler
 * @property {number} steps
 * @property {number} guidance 1 turns guidance off
 * @property {number} classifier_guidance weight of a classifier's gradient; 0 turns it off
 * @property {number} eta share of fresh noise, for samplers that take it
 * @property {number} corrector_steps Langevin steps at each noise level, for samplers that take them
 * @property {number} resample repetitions of each step, mode 'inpaint'
 * @property {number} seed 0 to 2⁵³ − 1
 * @property {Options} options the advanced settings
 * @property {boolean} keep whether the next run uses the same seed; does not change this run
 */

export const all = 'all'
export const none = 'none'

// Limits of the page: what it can show, and whole numbers that JavaScript can represent.
const pageLimits = /** @type {Record<string, Partial<Setting>>} */ ({
  n: { max: 100 },
  variations: { max: 16 },
  seed: { kind: 'whole', min: 0, max: Number.MAX_SAFE_INTEGER },
})

/** SettingError says which setting cannot be used, its value and what is allowed. */
export class SettingError extends Error {
  /**
   * @param {string} field
   * @param {string} got
   * @param {string} want completes "field must be …"
   */
  constructor(field, got, want) {
    super(`${field} must be ${want} (got "${clip(got)}")`)
    this.name = 'SettingError'
    this.field = field
    this.got = got
    this.want = want
  }
}

/**
 * defaults returns the model's own settings, with seed 1.
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
 * settingOf returns the description of a setting, also of those that the page adds.
 *
 * @param {string} name
 * @param {Info} info
 * @returns {Setting | undefined}
 */
export function settingOf(name, info) {
  const setting = info.settings.find((each) => each.name === (name === 'variations' ? 'n' : name))
  return setting && { ...setting, name, ...pageLimits[name] }
}

/**
 * read turns the text of a setting into its value, or throws a SettingError.
 *
 * @param {string} name
 * @param {string} text
 * @param {Info} info
 * @returns {string | number | boolean}
 */
export function read(name, text, info) {
  switch (name) {
    case 'mode':
      return choice(name, text, ['generate', 'inpaint'])
    case 'class':
      return choice(name, text, classNames(info))
    case 'keep':
      return choice(name, text, ['0', '1']) === '1'
    case 'classifier_guidance':
      if (!info.classifier && text !== '0') throw new SettingError(name, text, '0, as this site has no classifier for the model')
  }
  const setting = settingOf(name, info)
  if (!setting) throw new Error(`there is no setting "${clip(name)}"`)
  return readOption(setting, text)
}

/**
 * readOption turns the text of a setting into its value, or throws a SettingError.
 *
 * @param {Setting} setting
 * @param {string} text
 * @returns {string | number | boolean}
 */
export function readOption(setting, text) {
  switch (setting.kind) {
    case 'choice':
      return choice(setting.name, text, setting.choices ?? [])
    case 'switch':
      return choice(setting.name, text, ['0', '1']) === '1'
    case 'size':
      return sides(setting, text)
    default:
      return number(setting, text)
  }
}

/** @type {(setting: Setting, text: string) => string} height x width, as the engine reads it */
function sides({ name }, text) {
  const size = text.replace(/\s*[x×*]\s*/i, 'x')
  if (!/^[1-9]\d{0,3}(x[1-9]\d{0,3})?$/.test(size)) throw new SettingError(name, text, 'height x width such as 48x32, or one number such as 32')
  return size
}

/**
 * advanced returns the descriptions of the advanced settings.
 *
 * @param {Info} info
 * @returns {Setting[]}
 */
export function advanced(info) {
  return info.settings.filter(({ basic }) => !basic)
}

/**
 * applicable returns the advanced settings that have an effect with these settings.
 *
 * @param {Pick<Settings, 'mode' | 'sampler' | 'guidance' | 'classifier_guidance' | 'options'>} settings
 * @param {Info} info
 * @returns {Setting[]}
 */
export function applicable({ mode, sampler, guidance, classifier_guidance, options }, info) {
  const takes = samplerOf(sampler, info)?.takes ?? []
  return advanced(info).filter(({ name, group, only }) => {
    const [other, values] = only?.split('=') ?? []
    if (values !== undefined && !values.split('|').includes(String(options[other] ?? ''))) return false
    if (group === 'sampler') return takes.includes(/** @type {any} */ (name))
    if (group === 'guidance') return guidance !== 1 || classifier_guidance > 0
    if (name === 'size') return mode !== 'inpaint' && !(classifier_guidance > 0) // where the picture or the classifier has the model's size
    return group !== 'inpaint' || mode === 'inpaint'
  })
}

/**
 * callOf returns the arguments of the module's sample or inpaint, without the number of
 * images.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {Call & { resample?: number }}
 */
export function callOf(settings, info) {
  const { seed, sampler, steps, guidance, options } = settings
  const given = applicable(settings, info).filter(({ name }) => name in options).map(({ name }) => [name, options[name]])
  return {
    seed, sampler, steps, guidance, class: classArgument(settings, info),
    ...(settings.classifier_guidance > 0 && { classifier_guidance: settings.classifier_guidance }),
    ...(takesEta(sampler, info) && { eta: settings.eta }),
    ...(takesCorrectorSteps(settings, info) && { corrector_steps: settings.corrector_steps }),
    ...(settings.mode === 'inpaint' && { resample: settings.resample }),
    ...Object.fromEntries(given),
  }
}

/**
 * shapeOf returns the channels, the height and the width of the images of a run.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {[number, number, number]}
 */
export function shapeOf(settings, info) {
  const { size } = callOf(settings, info)
  if (size === undefined) return info.shape
  const sides = String(size).split('x').map(Number)
  return [info.shape[0], sides[0], sides[sides.length - 1]]
}

/**
 * classNames returns the choices of class, with 'all' and 'none'.
 *
 * @param {Info} info
 * @returns {string[]}
 */
export function classNames(info) {
  return [all, ...(info.unconditional ? [none] : []), ...classesOf(info)]
}

/**
 * classesOf returns the model's classes or, for a model without, those of its classifier.
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
 * @returns {boolean} whether a run has classes
 */
export function hasClasses({ classifier_guidance }, info) {
  return info.classes.length > 0 || classifier_guidance > 0
}

/** @type {(settings: Settings, info: Info) => string | number | undefined} the class as the module takes it: undefined for all in turn */
function classArgument(settings, info) {
  if (settings.class === all || !hasClasses(settings, info)) return undefined
  return settings.class === none ? none : classesOf(info).indexOf(settings.class)
}

/**
 * classOf returns the name of the class of image i of a run, '' if it has none.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @param {number} i
 * @returns {string}
 */
export function classOf(settings, info, i) {
  if (!hasClasses(settings, info) || settings.class === none) return ''
  const classes = classesOf(info)
  return settings.class === all ? classes[i % classes.length] : settings.class
}

/** @type {(name: string, info: Info) => import('../lib/tweedie.js').Sampler | undefined} */
export function samplerOf(name, info) {
  return info.samplers.find((sampler) => sampler.name === name)
}

/** @type {(sampler: string, info: Info) => boolean} whether a sampler has a setting η */
export function takesEta(sampler, info) {
  return Boolean(samplerOf(sampler, info)?.eta)
}

/** @type {(sampler: string, info: Info) => boolean} whether a sampler can take Langevin steps at each noise level */
export function hasCorrector(sampler, info) {
  return Boolean(samplerOf(sampler, info)?.takes.includes('corrector_steps'))
}

/**
 * @param {Pick<Settings, 'sampler' | 'options'>} settings
 * @param {Info} info
 * @returns {boolean} whether Langevin steps have an effect: a predictor can go without a corrector
 */
export function takesCorrectorSteps({ sampler, options }, info) {
  return hasCorrector(sampler, info) && options.corrector !== 'none'
}

/** @type {(sampler: string, info: Info) => boolean} whether a sampler consists of Langevin steps only */
export function isLangevin(sampler, info) {
  return hasCorrector(sampler, info) && !samplerOf(sampler, info)?.takes.includes('corrector')
}

/** @type {(sampler: string, info: Info) => number} the default number of Langevin steps of a sampler */
export function correctorSteps(sampler, info) {
  const own = sampler === info.defaults.sampler ? info.defaults.corrector_steps : undefined
  return own ?? (isLangevin(sampler, info) ? samplerOf(sampler, info)?.evaluations ?? 1 : 1)
}

/** @returns {number} a random seed of 32 bits */
export function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0]
}

/** @type {(name: string, text: string, choices: string[]) => string} */
function choice(name, text, choices) {
  if (!choices.includes(text)) throw new SettingError(name, text, `one of ${choices.join(', ')}`)
  return text
}

/** @type {(setting: Setting, text: string) => number} */
function number({ name, kind, min, above, max }, text) {
  const pattern = kind === 'whole' ? /^\d{1,16}$/ : /^(\d{1,9}([.,]\d{0,9})?|[.,]\d{1,9})(e[+-]?\d{1,2})?$/i
  const value = pattern.test(text) ? Number(text.replace(',', '.')) : NaN
  if (value >= min && !(above && value === min) && value <= (max || Infinity)) return value
  const noun = kind === 'whole' ? 'a whole number' : 'a number'
  const low = kind === 'whole' ? min : Number(min.toPrecision(7)) // bounds of noise levels are float32
  throw new SettingError(name, text, above ? `${noun} above ${low}${max ? ` and at most ${max}` : ''}` : max ? `${noun} from ${low} to ${max}` : `${noun} of at least ${low}`)
}
