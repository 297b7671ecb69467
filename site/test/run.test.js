import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Runner } from '../page/run.js'

/** A promise with its resolve. */
function pending() {
  let resolve = (/** @type {unknown} */ _) => {}
  const promise = new Promise((done) => { resolve = done })
  return { promise, resolve }
}

test('a run returns its result, or its error', async () => {
  const runner = new Runner()
  assert.equal(await runner.run(async () => 7, () => {}), 7)
  await assert.rejects(runner.run(async () => { throw new Error('no') }, () => {}), /no/)
  assert.equal(runner.busy, false)
  assert.equal(runner.cancel(), false)
})

test('a cancelled run ends at once, is silent, and delays the next', async () => {
  const runner = new Runner()
  const slow = pending()
  const steps = /** @type {number[]} */ ([])
  let report = (/** @type {any} */ _) => {}
  const first = runner.run(async ({ onStep }) => {
    report = onStep
    return slow.promise
  }, ({ step }) => steps.push(step))
  await new Promise((resolve) => setTimeout(resolve))
  report({ step: 1 })
  assert.equal(runner.cancel(), true)
  assert.equal(await first, undefined)
  report({ step: 2 })
  assert.deepEqual(steps, [1])
  let started = false
  const second = runner.run(async () => { started = true; return 2 }, () => {})
  await new Promise((resolve) => setTimeout(resolve))
  assert.equal(started, false)
  slow.resolve(1)
  assert.equal(await second, 2)
})

test('a new run cancels the one before it', async () => {
  const runner = new Runner()
  const signals = /** @type {AbortSignal[]} */ ([])
  const first = runner.run(({ signal }) => {
    signals.push(signal)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
  }, () => {})
  await new Promise((resolve) => setTimeout(resolve))
  assert.equal(await runner.run(async () => 2, () => {}), 2)
  assert.equal(await first, undefined)
  assert.equal(signals[0].aborted, true)
})
