import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatHash, parseHash } from '../page/links.js'
import { defaults } from '../page/settings.js'
import { info } from './info.js'

test('an empty address means the defaults', () => {
  for (const hash of ['', '#']) {
    const { settings, problems, given } = parseHash(hash, info)
    assert.deepEqual(settings, defaults(info))
    assert.deepEqual([problems, given.size], [[], 0])
  }
})

test('an address says every setting that has an effect', () => {
  assert.equal(formatHash(defaults(info), info), '#class=all&n=16&sampler=euler&steps=20&guidance=1.5&seed=1')
  assert.equal(formatHash({ ...defaults(info), mode: 'inpaint', class: 'red', sampler: 'ddim', eta: 0.5, keep: true, options: { jump: 3, order: 2 } }, info),
    '#mode=inpaint&class=red&variations=3&sampler=ddim&steps=20&guidance=1.5&eta=0.5&resample=1&jump=3&seed=1&keep=1')
  assert.equal(formatHash({ ...defaults(info), sampler: 'pc', corrector_steps: 2, classifier_guidance: 1 }, info),
    '#class=all&n=16&sampler=pc&steps=20&guidance=1.5&classifier_guidance=1&corrector_steps=2&seed=1')
})

test('settings survive the way through an address', () => {
  for (const settings of [
    { ...defaults(info), n: 100, seed: Number.MAX_SAFE_INTEGER, options: { schedule: 'karras', rho: 0.5 } },
    { ...defaults(info), mode: 'inpaint', variations: 16, class: 'none', resample: 100, keep: true, options: { jump: 7, guidance_rescale: 0.25 } },
    { ...defaults(info), sampler: 'langevin', corrector_steps: 7 },
    { ...defaults(info), sampler: 'heun', guidance: 1e-7, options: { s_churn: 1e21 } },
  ]) {
    const { settings: got, problems } = parseHash(formatHash(settings, info), info)
    assert.deepEqual([got, problems], [settings, []])
  }
})

test('every value that cannot be used is a problem', () => {
  for (const [hash, want] of [
    ['steps=0', 'steps must be a whole number from 1 to 10000 (got "0")'],
    ['steps=5&steps=6', 'the setting "steps" is given twice'],
    ['colour=red', 'there is no setting "colour"'],
    ['eta=0.5', 'eta has no effect with these settings: remove it'],
    ['corrector_steps=3', 'corrector_steps has no effect with these settings: remove it'],
    ['sampler=pc&corrector=none&corrector_steps=2', 'corrector_steps has no effect with these settings: remove it'],
    ['sampler=heun&order=2', 'order has no effect with these settings: remove it'],
    ['schedule=cosine&rho=5', 'rho has no effect with these settings: remove it'],
    [`colour${'x'.repeat(60)}=1`, `there is no setting "colour${'x'.repeat(34)}…"`],
  ]) assert.deepEqual(parseHash(hash, info).problems, [want], hash)
  assert.equal(parseHash('steps=0&n=0&seed=x', info).problems.length, 3)
  assert.deepEqual(parseHash('eta=0', info).problems, [])
})

test('the class of a model without classes has no effect without its classifier', () => {
  const guided = { ...info, classes: [], unconditional: false, classifier: { file: 'c.json', classes: ['cat'], bytes: 1 } }
  assert.deepEqual(parseHash('class=cat', guided).problems, ['class has no effect with these settings: remove it'])
  assert.deepEqual(parseHash('class=cat&classifier_guidance=2', guided).problems, [])
})

test('a sampler brings its own number of Langevin steps', () => {
  assert.equal(parseHash('sampler=langevin', info).settings.corrector_steps, 100)
  assert.equal(parseHash('sampler=langevin&corrector_steps=3', info).settings.corrector_steps, 3)
})
