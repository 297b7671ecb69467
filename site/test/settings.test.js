import assert from 'node:assert/strict'
import { test } from 'node:test'

import { advanced, applicable, callOf, classNames, classOf, correctorSteps, defaults, isLangevin, randomSeed, read, SettingError, shapeOf } from '../page/settings.js'
import { info } from './info.js'

const guided = { ...info, classes: [], unconditional: false, classifier: { file: 'c.json', classes: ['cat', 'dog'], bytes: 1 } }

/** @type {(settings: object) => string[]} */
const names = (settings) => applicable({ ...defaults(info), ...settings }, info).map(({ name }) => name)

test('read returns the values of valid texts', () => {
  for (const [name, text, want] of /** @type {[string, string, unknown][]} */ ([
    ['steps', '10000', 10000], ['n', '100', 100], ['variations', '16', 16], ['seed', '9007199254740991', Number.MAX_SAFE_INTEGER],
    ['guidance', '1.30', 1.3], ['guidance', '1,3', 1.3], ['guidance', ',5', 0.5], ['guidance', '.5', 0.5], ['guidance', '2e1', 20], ['eta', '0', 0], ['eta', '1', 1],
    ['class', 'green', 'green'], ['class', 'all', 'all'], ['class', 'none', 'none'], ['sampler', 'heun', 'heun'],
    ['mode', 'inpaint', 'inpaint'], ['keep', '1', true], ['brownian', '0', false], ['schedule', 'cosine', 'cosine'], ['classifier_guidance', '0', 0],
    ['size', '32', '32'], ['size', '48x32', '48x32'], ['size', '48 × 32', '48x32'],
  ])) assert.equal(read(name, text, info), want, `${name}=${text}`)
})

test('read names the field, the value and what is allowed', () => {
  for (const [name, text, want] of [
    ['steps', '0', 'a whole number from 1 to 10000'], ['steps', '1.5', 'a whole number from 1 to 10000'], ['steps', '', 'a whole number from 1 to 10000'],
    ['n', '101', 'a whole number from 1 to 100'], ['variations', '17', 'a whole number from 1 to 16'], ['resample', '101', 'a whole number from 1 to 100'],
    ['seed', '9007199254740992', 'a whole number from 0 to 9007199254740991'], ['seed', '-1', 'a whole number from 0 to 9007199254740991'],
    ['guidance', 'NaN', 'a number of at least 0'], ['guidance', '-1', 'a number of at least 0'], ['guidance', '0x10', 'a number of at least 0'],
    ['eta', '1.01', 'a number from 0 to 1'], ['snr', '0', 'a number above 0 and at most 10'], ['rho', '0', 'a number above 0'],
    ['size', '48x', 'height x width such as 48x32, or one number such as 32'], ['size', '0', 'height x width such as 48x32, or one number such as 32'],
    ['class', 'pink', 'one of all, none, red, green, blue'], ['keep', 'yes', 'one of 0, 1'],
    ['classifier_guidance', '1', '0, as this site has no classifier for the model'],
  ]) {
    assert.throws(() => read(name, text, info), (/** @type {SettingError} */ error) => {
      assert.ok(error instanceof SettingError)
      assert.deepEqual([error.field, error.got, error.want], [name, text, want])
      assert.equal(error.message, `${name} must be ${want} (got "${text}")`)
      return true
    })
  }
  assert.throws(() => read('nonsense', '1', info), /there is no setting "nonsense"/)
})

test('advanced settings are those that are not basic', () => {
  assert.deepEqual(advanced(info).map(({ name }) => name), ['size', 'order', 's_churn', 'corrector', 'snr', 'brownian', 'schedule', 'rho', 'guidance_rescale', 'jump'])
})

test('applicable settings depend on the sampler, guidance, mode and other choices', () => {
  assert.deepEqual(names({}), ['size', 'schedule', 'rho', 'guidance_rescale'])
  assert.deepEqual(names({ guidance: 1 }), ['size', 'schedule', 'rho'])
  assert.deepEqual(names({ guidance: 1, classifier_guidance: 2 }), ['schedule', 'rho', 'guidance_rescale'])
  assert.deepEqual(names({ sampler: 'heun', guidance: 1 }), ['size', 's_churn', 'schedule', 'rho'])
  assert.deepEqual(names({ mode: 'inpaint', guidance: 1 }), ['schedule', 'rho', 'jump'])
  assert.deepEqual(names({ guidance: 1, options: { schedule: 'cosine' } }), ['size', 'schedule'])
  assert.deepEqual(names({ sampler: 'pc', guidance: 1 }), ['size', 'corrector', 'snr', 'schedule', 'rho'])
  assert.deepEqual(names({ sampler: 'pc', guidance: 1, options: { corrector: 'none' } }), ['size', 'corrector', 'schedule', 'rho'])
})

test('callOf leaves out what has no effect', () => {
  const settings = { ...defaults(info), class: 'blue', sampler: 'euler', eta: 0.5, options: { order: 3, schedule: 'cosine' } }
  assert.deepEqual(callOf(settings, info), { seed: 1, sampler: 'euler', steps: 20, guidance: 1.5, class: 2, schedule: 'cosine' })
  assert.deepEqual(callOf({ ...settings, mode: 'inpaint', class: 'all', sampler: 'ddim', resample: 2, options: {} }, info),
    { seed: 1, sampler: 'ddim', steps: 20, guidance: 1.5, class: undefined, eta: 0.5, resample: 2 })
  assert.deepEqual(callOf({ ...settings, class: 'none', sampler: 'pc', corrector_steps: 2, options: {} }, info),
    { seed: 1, sampler: 'pc', steps: 20, guidance: 1.5, class: 'none', corrector_steps: 2 })
})

test('classes are the model\'s, or those of its classifier', () => {
  assert.deepEqual(classNames(info), ['all', 'none', 'red', 'green', 'blue'])
  assert.deepEqual(classNames(guided), ['all', 'cat', 'dog'])
  assert.equal(classOf({ ...defaults(info), class: 'all' }, info, 4), 'green')
  assert.equal(classOf({ ...defaults(info), class: 'none' }, info, 4), '')
  assert.equal(classOf({ ...defaults(guided), classifier_guidance: 0 }, guided, 1), '')
  assert.equal(classOf({ ...defaults(guided), classifier_guidance: 1 }, guided, 1), 'dog')
})

test('Langevin steps of a sampler', () => {
  assert.equal(correctorSteps('pc', info), 1)
  assert.equal(correctorSteps('langevin', info), 100)
  assert.equal(isLangevin('langevin', info), true)
  assert.equal(isLangevin('pc', info), false)
  const own = { ...info, defaults: { ...info.defaults, sampler: 'langevin', corrector_steps: 5 } }
  assert.equal(correctorSteps('langevin', own), 5)
})

test('random seeds have 32 bits', () => {
  for (let i = 0; i < 100; i++) assert.ok(randomSeed() < 2 ** 32)
})

test('a run has the shape of its size, and inpainting that of the model', () => {
  const settings = { ...defaults(info), options: { size: '16x4' } }
  assert.deepEqual(shapeOf(settings, info), [1, 16, 4])
  assert.deepEqual(shapeOf({ ...settings, options: { size: '16' } }, info), [1, 16, 16])
  assert.deepEqual(shapeOf({ ...settings, mode: 'inpaint' }, info), [1, 8, 8])
  assert.deepEqual(shapeOf(defaults(info), info), [1, 8, 8])
})
