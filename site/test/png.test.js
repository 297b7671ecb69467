import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'

import { png, sheet } from '../page/png.js'

/** @type {(width: number, height: number, of: (i: number) => number[]) => ImageData} */
const picture = (width, height, of) => /** @type {any} */ ({ width, height, data: Uint8ClampedArray.from([...Array(width * height).keys()].flatMap(of)) })

/** @type {(blob: Blob) => Promise<{ width: number, height: number, kind: number, lines: Buffer }>} */
async function read(blob) {
  const bytes = Buffer.from(await blob.arrayBuffer())
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n')
  /** @type {Record<string, Buffer>} */
  const chunks = {}
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    chunks[bytes.toString('latin1', at + 4, at + 8)] = bytes.subarray(at + 8, at + 8 + length)
    at += 12 + length
  }
  assert.deepEqual(Object.keys(chunks), ['IHDR', 'IDAT', 'IEND'])
  assert.equal(bytes.readUInt32BE(bytes.length - 4), 0xae426082) // the sum of every IEND
  return { width: chunks.IHDR.readUInt32BE(0), height: chunks.IHDR.readUInt32BE(4), kind: chunks.IHDR[9], lines: inflateSync(chunks.IDAT) }
}

test('grey, coloured and transparent images have one, three and four channels', async () => {
  const grey = await read(await png(picture(2, 1, (i) => [i, i, i, 255]), 1))
  assert.deepEqual([grey.kind, [...grey.lines]], [0, [0, 0, 1]])
  const colour = await read(await png(picture(2, 1, (i) => [i, 7, 9, 255]), 1))
  assert.deepEqual([colour.kind, [...colour.lines]], [2, [0, 0, 7, 9, 1, 7, 9]])
  const clear = await read(await png(picture(1, 1, () => [1, 2, 3, 4]), 1))
  assert.deepEqual([clear.kind, [...clear.lines]], [6, [0, 1, 2, 3, 4]])
})

test('a sheet has its images in rows, each enlarged, and nothing where one is missing', async () => {
  const images = [10, 20, 30].map((v) => picture(1, 1, () => [v, v, v, 255]))
  const two = await read(await sheet(images.slice(0, 2), 2, 2))
  assert.deepEqual([two.width, two.height, [...two.lines]], [4, 2, [0, 10, 10, 20, 20, 0, 10, 10, 20, 20]])
  const three = await read(await sheet(images, 1, 2))
  assert.equal(three.kind, 6)
  assert.deepEqual([...three.lines], [0, 10, 10, 10, 255, 20, 20, 20, 255, 0, 30, 30, 30, 255, 0, 0, 0, 0])
})
