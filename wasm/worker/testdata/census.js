/**
 * The Worker, with a census of the memories of its programs: those that run, and those
 * that have ended but that V8 has not collected yet, which count as well. GET /-/memory
 * tells how many bytes they are, and how many they were at the most. It runs next to
 * worker.js, where the test puts it.
 */

import worker from './worker.js'

export * from './worker.js'

/** @type {Set<WeakRef<WebAssembly.Memory>>} */
const memories = new Set()
let programs = 0
let most = 0

/** @returns {number} bytes */
function count() {
  let now = 0
  for (const memory of memories) {
    const there = memory.deref()
    if (there) now += there.buffer.byteLength
    else memories.delete(memory)
  }
  most = Math.max(most, now)
  return now
}

WebAssembly.Instance = class extends WebAssembly.Instance {
  /** @param {[WebAssembly.Module, WebAssembly.Imports]} of */
  constructor(...of) {
    super(...of)
    programs++
    memories.add(new WeakRef(/** @type {WebAssembly.Memory} */ (this.exports.mem)))
    count()
  }
}

export default {
  /** @type {typeof worker.fetch} */
  async fetch(request, env, ctx) {
    const now = count()
    if (new URL(request.url).pathname === '/-/memory') return Response.json({ now, most, programs })
    return worker.fetch(request, env, ctx)
  },
}
