import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Mask } from '../page/mask.js'

/** @type {(mask: Mask) => string} the mask as text, one row per line */
const drawn = (mask) => Array.from({ length: mask.height }, (_, y) => [...mask.data.subarray(y * mask.width, (y + 1) * mask.width)].map((v) => (v ? '#' : '.')).join('')).join('\n')

/** @type {(mask: Mask, x: number, y: number, value?: number) => void} */
function stroke(mask, x, y, value = 255) {
  mask.begin()
  mask.line({ x, y }, { x, y }, 1, value)
  mask.end()
}

test('a round brush covers the pixels whose centre is inside it', () => {
  const mask = new Mask(5, 5)
  stroke(mask, 2.5, 2.5)
  assert.equal(drawn(mask), '.....\n.....\n..#..\n.....\n.....')
  mask.line({ x: 2.5, y: 2.5 }, { x: 2.5, y: 2.5 }, 3, 255)
  assert.equal(drawn(mask), '.....\n.###.\n.###.\n.###.\n.....')
})

test('a brush smaller than a pixel covers the pixel that contains it', () => {
  const mask = new Mask(3, 3)
  assert.deepEqual(mask.covered(0.05, 2.95, 0.1), [6])
})

test('a brush at the border stays inside the image', () => {
  const mask = new Mask(4, 3)
  assert.deepEqual(mask.covered(0, 0, 4), [0, 1, 4])
  assert.deepEqual(mask.covered(-5, 1, 2), [])
  assert.deepEqual(mask.covered(4.2, 1.5, 2), [7])
})

test('a line has no gaps', () => {
  const mask = new Mask(5, 5)
  mask.line({ x: 0.5, y: 0.5 }, { x: 4.5, y: 4.5 }, 1, 255)
  for (let i = 0; i < 5; i++) assert.equal(mask.data[6 * i], 255)
})

test('strokes are undone and redone one by one', () => {
  const mask = new Mask(3, 1)
  stroke(mask, 0.5, 0.5)
  stroke(mask, 1.5, 0.5)
  mask.undo()
  assert.equal(drawn(mask), '#..')
  mask.undo()
  assert.equal(drawn(mask), '...')
  assert.equal(mask.canUndo, false)
  mask.redo()
  mask.redo()
  assert.equal(drawn(mask), '##.')
  assert.equal(mask.canRedo, false)
  mask.redo()
  assert.equal(drawn(mask), '##.')
})

test('a change after an undo drops what could be redone', () => {
  const mask = new Mask(3, 1)
  stroke(mask, 0.5, 0.5)
  mask.undo()
  stroke(mask, 2.5, 0.5)
  assert.equal(mask.canRedo, false)
  mask.undo()
  assert.equal(drawn(mask), '...')
})

// They used to clear the history of redo.
test('a stroke, or Clear, that changes nothing keeps what can be redone', () => {
  const mask = new Mask(3, 1)
  stroke(mask, 0.5, 0.5)
  mask.undo()
  stroke(mask, 1.5, 0.5, 0)
  mask.clear()
  assert.equal(mask.canUndo, false)
  assert.equal(mask.canRedo, true)
  mask.redo()
  assert.equal(drawn(mask), '#..')
})

test('clear and invert are steps of the history', () => {
  const mask = new Mask(2, 1)
  stroke(mask, 0.5, 0.5)
  mask.invert()
  assert.equal(drawn(mask), '.#')
  assert.equal(mask.count, 1)
  mask.clear()
  assert.equal(mask.count, 0)
  mask.undo()
  mask.undo()
  assert.equal(drawn(mask), '#.')
})

test('the history has 200 steps', () => {
  const mask = new Mask(1, 1)
  for (let i = 0; i < 250; i++) mask.invert()
  let steps = 0
  for (; mask.canUndo; steps++) mask.undo()
  assert.equal(steps, 200)
})
