import assert from 'node:assert/strict'
import { test } from 'node:test'

import { toBytes } from '../lib/pixels.js'

const image = /** @type {any} */ ({ width: 2, height: 1, data: new Uint8ClampedArray([255, 0, 0, 255, 10, 20, 30, 0]) })

// Go: color.GrayModel.Convert(color.NRGBA{255, 0, 0, 255}).(color.Gray).Y is 76.
test('pixels become the bytes that Go\'s image/color gives', () => {
  assert.deepEqual([...toBytes(image, 1).data], [76, 0])
  assert.deepEqual([...toBytes(image, 3).data], [255, 0, 0, 0, 0, 0])
  assert.deepEqual([...toBytes(image, 4).data], [255, 0, 0, 255, 10, 20, 30, 0])
  assert.deepEqual([...toBytes(/** @type {any} */ ({ width: 1, height: 1, data: [200, 100, 50, 128] }), 3).data], [100, 50, 25])
})
