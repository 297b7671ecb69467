import assert from 'node:assert/strict'
import { test } from 'node:test'

import { arrange } from '../page/gallery.js'

const room = { inner: 800, tall: 700, row: 0, pixelRatio: 1 }

test('images form a square where they fit', () => {
  for (const [n, columns] of [[1, 1], [2, 2], [3, 3], [4, 2], [10, 5], [16, 4], [36, 6], [100, 10]]) {
    assert.equal(arrange(n, 28, room).columns, columns, `${n} images`)
  }
})

test('a pixel of the model is a whole number of screen pixels', () => {
  for (const n of [1, 3, 16, 100]) {
    for (const pixelRatio of [1, 1.5, 2]) {
      const { columns, tile } = arrange(n, 28, { ...room, pixelRatio })
      assert.ok(Math.abs((tile * pixelRatio) / 28 - Math.round((tile * pixelRatio) / 28)) < 1e-9)
      assert.ok(columns * tile + 2 * (columns - 1) <= 800)
    }
  }
})

test('a narrow screen has fewer columns', () => {
  assert.equal(arrange(100, 28, { ...room, inner: 340 }).columns, 5)
  assert.equal(arrange(4, 28, { ...room, row: 4, inner: 300 }).columns, 2)
  assert.equal(arrange(4, 28, { ...room, row: 4, inner: 330 }).columns, 4)
})
