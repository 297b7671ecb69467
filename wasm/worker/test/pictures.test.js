import assert from 'node:assert/strict'
import { test } from 'node:test'
import { find, keep } from '../pictures.js'

test('a picture whose address is too long a name for the bucket is in the cache alone', async () => {
  for (const [classes, stored] of [['3', 1], ['long%20'.repeat(200), 0]]) {
    const cached = new Map()
    const bucket = new Map()
    globalThis.caches = { default: { put: async (url, response) => cached.set(url, response), match: async (url) => cached.get(url)?.clone() } }
    const env = { PICTURES: { put: async (name, data) => bucket.set(name, data), get: async () => null } }
    const url = `https://site.example/api/sample.png?class=${classes}&v=1`
    await keep(url, new Uint8Array([1, 2, 3]), { 'Content-Type': 'image/png' }, env)
    assert.deepEqual([cached.size, bucket.size], [1, stored], classes)
    assert.deepEqual(await find(url, env, {}), new Uint8Array([1, 2, 3]))
    cached.clear()
    assert.equal(await find(url, env, {}), null)
  }
})
