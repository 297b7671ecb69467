import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Estimate } from '../page/estimate.js'
import { Planner } from '../page/planner.js'
import { defaults } from '../page/settings.js'
import { info } from './info.js'

/** A model that counts its evaluations. */
const model = () => {
  const calls = /** @type {number[]} */ ([])
  return { info, calls, forward: async (/** @type {Float32Array} */ x) => { calls.push(x.length / 64); return x } }
}

/** @type {(n: number, sampler?: string) => any} */
const plan = (n, sampler = 'euler') => ({ work: 40, passes: 40, nfe: 20, request: { n, sampler } })

test('before a run, an evaluation is measured once for each number of images', async () => {
  const toy = model()
  const estimate = new Estimate(toy)
  assert.equal(estimate.isKnown(plan(8)), false)
  assert.ok(await estimate.time(plan(8)) >= 0)
  await estimate.time(plan(16))
  assert.deepEqual(toy.calls, [4, 4, 4]) // as many images as workers; the first of three starts them
  await estimate.time(plan(1))
  assert.deepEqual(toy.calls, [4, 4, 4, 1, 1, 1])
})

test('a failed measurement is repeated', async () => {
  let fails = true
  const estimate = new Estimate({ info, forward: async (x) => { if (fails) throw new Error('closed'); return x } })
  await assert.rejects(estimate.time(plan(1)), /closed/)
  fails = false
  assert.ok(await estimate.time(plan(1)) >= 0)
})

test('after a run, its time is scaled', async () => {
  const toy = model()
  const estimate = new Estimate(toy)
  estimate.recordRun({ plan: plan(8), ms: 640 }) // 2 ms an evaluation of an image
  assert.equal(estimate.isKnown(plan(4)), true)
  assert.equal(await estimate.time({ ...plan(100), work: 10 }), 2000)
  assert.deepEqual(toy.calls, [])
  assert.equal(estimate.isKnown(plan(3)), false) // fewer images than workers
})

test('runs that say too little are not recorded', () => {
  const estimate = new Estimate(model())
  estimate.recordRun({ plan: plan(8, 'rk45'), ms: 640 }) // adaptive
  estimate.recordRun({ plan: plan(2), ms: 640 }) // not all workers
  assert.equal(estimate.isKnown(plan(8)), false)
})

test('likelihoods are shared among the workers', async () => {
  const estimate = new Estimate(model())
  assert.equal(estimate.hasLikelihoodProgram, false)
  estimate.recordLikelihood('flow', { nfe: 80, ms: 500 }, 8, 100) // 400 ms for 20 evaluations a worker
  assert.equal(estimate.hasLikelihoodProgram, true)
  assert.equal(await estimate.likelihoodTime('flow', 40, 4), 50 + 10 * 20)
  assert.equal(await estimate.likelihoodTime('flow', 40, 1), 50 + 40 * 20)
  assert.equal(await estimate.likelihoodTime('flow', NaN, 1), 0)
})

test('a plan is made once until a setting changes that matters', async () => {
  const asked = /** @type {any[]} */ ([])
  const planner = new Planner({ plan: async (call, kind) => { asked.push([call?.n, call?.steps, kind]); return plan(call?.n ?? 1) } }, info, async () => {})
  const settings = defaults(info)
  await planner.plan(settings)
  await planner.plan({ ...settings, seed: 5, keep: true })
  assert.deepEqual(asked, [[16, 20, 'sample']])
  await planner.plan({ ...settings, steps: 5 })
  await planner.plan({ ...settings, mode: 'inpaint' })
  assert.deepEqual(asked.slice(1), [[16, 5, 'sample'], [3, 20, 'inpaint']])
})

test('a plan that failed is asked for again', async () => {
  let fails = true
  const planner = new Planner({ plan: async () => { if (fails) throw new Error('refused'); return plan(1) } }, info, async () => {})
  await assert.rejects(planner.plan(defaults(info)), /refused/)
  fails = false
  assert.equal((await planner.plan(defaults(info))).nfe, 20)
})
