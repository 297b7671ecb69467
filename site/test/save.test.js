import assert from 'node:assert/strict'
import { test } from 'node:test'

import { zip } from '../page/save.js'

const file = (/** @type {string} */ name, /** @type {string} */ text) => ({ name, blob: new Blob([text]) })
const hex = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString('hex')

test('an archive has its files, with their sums, and the same bytes every time', async () => {
  const archive = await zip([file('a.txt', '123456789'), file('b.txt', '')])
  const bytes = new Uint8Array(await archive.arrayBuffer())
  const view = new DataView(bytes.buffer)
  assert.equal(archive.type, 'application/zip')
  assert.equal(view.getUint32(0, true), 0x04034b50)
  assert.equal(view.getUint32(14, true), 0xcbf43926) // the check value of CRC-32
  assert.equal(view.getUint32(18, true), 9)
  assert.equal(new TextDecoder().decode(bytes.subarray(30, 44)), 'a.txt123456789')
  const end = bytes.length - 22
  assert.equal(view.getUint32(end, true), 0x06054b50)
  assert.deepEqual([view.getUint16(end + 8, true), view.getUint16(end + 10, true)], [2, 2])
  assert.equal(view.getUint32(end + 12, true) + view.getUint32(end + 16, true), end)
  assert.equal(view.getUint32(view.getUint32(end + 16, true), true), 0x02014b50)
  const again = new Uint8Array(await (await zip([file('a.txt', '123456789'), file('b.txt', '')])).arrayBuffer())
  assert.equal(hex(again), hex(bytes))
})
