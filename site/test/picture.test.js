import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkFile, isFlat } from '../page/picture.js'

test('a file that is no picture is named, and SVG is none', () => {
  assert.throws(() => checkFile(new Blob(['x'], { type: 'image/svg+xml' }), 'a.svg'), /"a.svg" is not a PNG/)
  assert.throws(() => checkFile(new Blob(['x'], { type: 'text/plain' }), 'a.txt'), /its type is text\/plain/)
  assert.throws(() => checkFile(new Blob([], { type: 'image/png' }), 'a.png'), /"a.png" is empty/)
  checkFile(new Blob(['x'], { type: 'image/png' }), 'a.png')
  checkFile(new Blob(['x']), 'a')
})

test('an image of one colour is flat', () => {
  const image = (/** @type {number[]} */ ...data) => /** @type {any} */ ({ data: Uint8ClampedArray.from(data) })
  assert.equal(isFlat(image(1, 2, 3, 255, 1, 2, 3, 255)), true)
  assert.equal(isFlat(image(1, 2, 3, 255, 1, 2, 4, 255)), false)
})
