// Settings in the page's address, after the #.

import { clip } from './format.js'
import { all, applicable, correctorSteps, defaults, hasClasses, read, takesCorrectorSteps, takesEta } from './settings.js'

/** @import { Info, Settings } from './settings.js' */

/**
 * parseHash reads settings from an address, on top of the model's defaults. problems lists
 * every value that cannot be used.
 *
 * @param {string} hash with or without #
 * @param {Info} info
 * @returns {{ settings: Settings, problems: string[], given: Set<string> }}
 */
export function parseHash(hash, info) {
  /** @type {Settings} */
  const settings = defaults(info)
  const given = new Set()
  const problems = []
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ''))) {
    try {
      if (given.has(name)) throw new Error(`the setting "${clip(name)}" is given twice`)
      given.add(name)
      const value = read(name, text, info)
      Object.assign(name in settings ? settings : settings.options, { [name]: value })
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  problems.push(...withoutEffect(settings, given, info).map((name) => `${name} has no effect with these settings: remove it`))
  if (!given.has('corrector_steps')) settings.corrector_steps = correctorSteps(settings.sampler, info)
  return { settings, problems, given }
}

/** @type {(settings: Settings, given: Set<string>, info: Info) => string[]} the settings of an address that have no effect */
function withoutEffect(settings, given, info) {
  const names = Object.keys(settings.options).filter((name) => !applicable(settings, info).some((setting) => setting.name === name))
  if (given.has('corrector_steps') && !takesCorrectorSteps(settings, info)) names.push('corrector_steps')
  if (given.has('eta') && settings.eta !== 0 && !takesEta(settings.sampler, info)) names.push('eta')
  if (settings.class !== all && !hasClasses(settings, info)) names.push('class')
  return names
}

/**
 * formatHash writes every setting that has an effect in its mode, defaults too: a link must
 * mean the same after a default has changed.
 *
 * @param {Settings} settings
 * @param {Info} info
 * @returns {string} starts with #
 */
export function formatHash(settings, info) {
  const inpaint = settings.mode === 'inpaint'
  const query = new URLSearchParams()
  if (inpaint) query.set('mode', 'inpaint')
  if (hasClasses(settings, info)) query.set('class', settings.class)
  if (inpaint) query.set('variations', String(settings.variations))
  else query.set('n', String(settings.n))
  query.set('sampler', settings.sampler)
  query.set('steps', String(settings.steps))
  query.set('guidance', String(settings.guidance))
  if (settings.classifier_guidance > 0) query.set('classifier_guidance', String(settings.classifier_guidance))
  if (takesEta(settings.sampler, info)) query.set('eta', String(settings.eta))
  if (takesCorrectorSteps(settings, info)) query.set('corrector_steps', String(settings.corrector_steps))
  if (inpaint) query.set('resample', String(settings.resample))
  for (const { name } of applicable(settings, info)) {
    const value = settings.options[name]
    if (value !== undefined) query.set(name, value === true ? '1' : String(value))
  }
  query.set('seed', String(settings.seed))
  if (settings.keep) query.set('keep', '1')
  return '#' + query
}
