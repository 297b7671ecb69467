import assert from 'node:assert/strict'
import { test } from 'node:test'

import { barrier, breakBarrier, makeMemory } from '../lib/tensorparallel.js'

// A worker that reaches the barrier only after it was broken used to wait for ever.
test('a broken barrier does not wait', () => {
  const memory = makeMemory(8)
  assert.equal(barrier(memory, 1)(), true)
  breakBarrier(memory)
  assert.equal(barrier(memory, 2)(), false)
  assert.equal(barrier(memory, 1)(), false)
})
