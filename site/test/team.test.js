import assert from 'node:assert/strict'
import { test } from 'node:test'

import { disband, makeMemory, meeting } from '../lib/team.js'

// A member that calls the barrier only after the team was disbanded returns at once.
test('a barrier of a disbanded team does not wait', () => {
  const memory = makeMemory(8)
  assert.equal(meeting(memory, 1)(), true)
  disband(memory)
  assert.equal(meeting(memory, 2)(), false)
  assert.equal(meeting(memory, 1)(), false)
})
