import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clip, count, duration, grouped, size, subscript } from '../page/format.js'

test('durations', () => {
  for (const [ms, want] of /** @type {[number, string][]} */ ([
    [0, '0 ms'], [999.4, '999 ms'], [999.6, '1.0 s'], [59_949, '59.9 s'], [59_960, '1 min 0 s'], [119_700, '2 min 0 s'], [3_599_000, '59 min 59 s'], [3_600_000, '1 h 0 min'], [12_345_678, '3 h 26 min'],
  ])) assert.equal(duration(ms), want)
})

test('sizes, counts and other numbers', () => {
  assert.equal(size(499), '0 kB')
  assert.equal(size(999_999), '1000 kB')
  assert.equal(size(1.234e6), '1.23 MB')
  assert.equal(count(1, 'image'), '1 image')
  assert.equal(count(0, 'image'), '0 images')
  assert.equal(grouped(1234567), '1\u202f234\u202f567')
  assert.equal(subscript(1009), '₁₀₀₉')
  assert.equal(clip('x'.repeat(41)), `${'x'.repeat(40)}…`)
})
