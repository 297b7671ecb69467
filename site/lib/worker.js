// @ts-check
/// <reference lib="webworker" />
/**
 * One worker of the pool: a Go instance that holds the model and computes.
 *
 * The page sends `{ id, call, ... }` and gets `{ id, value }` or
 * `{ id, error, name }` back, once; while a call runs it gets
 * `{ id, step, steps, pixels? }`. Notes have no answer: `{ cancel: id }`;
 * `{ took: id }`, by which the page asks for pixels with the next step;
 * `{ help: port }`, which makes this worker the helper of the one that holds the
 * port's other end; and `{ alone }`, the words for a call whose helper is gone. If
 * the Go program ends, which it never does by itself, the page gets `{ crashed }`.
 *
 * A call's `share` is a port to a helper, 'channels' for the team that this worker
 * leads, or absent.
 */

import './wasm_exec.js'
import { BUILD } from './build.js'
import { bytesOf as shared, disband, meeting } from './team.js'

/**
 * @typedef {(error: string | null, value?: any, aborted?: boolean) => void} Done
 * @typedef {'channels' | ((x: Uint8Array, t: Uint8Array, y: Uint8Array | null) => void) | null} Share
 * @typedef {{ step(step: number, steps: number): boolean, pixels(pixels: Uint8Array): void }} Hooks
 * @typedef {{
 *   build: string,
 *   load(manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null, done: Done): void,
 *   classify(manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null, done: Done): void,
 *   check(request: string, inpaint: boolean, done: Done): void,
 *   sample(request: string, hooks: Hooks, share: Share, done: Done): void,
 *   inpaint(request: string, image: object, mask: object, hooks: Hooks, share: Share, done: Done): void,
 *   forward(x: Uint8Array, t: Uint8Array, y: Uint8Array | null, share: Share, done: Done): void,
 *   likely?(question: string, image: object, step: (step: number, steps: number) => void, done: Done): void,
 *   join(rank: number, size: number, memory: Uint8Array, meet: () => boolean, leave: () => void, done: Done): void,
 *   follow(done: Done): void,
 *   replied(error: string | null, numbers: Uint8Array | null): void,
 *   digest(bytes: Uint8Array, done: Done): void,
 *   cancel(): void,
 * }} Binding what the Go program hands over: wasm/browser
 */

const scope = /** @type {DedicatedWorkerGlobalScope & { Go: any, fs: any, tweedie?: (binding: Binding) => void }} */ (
  /** @type {unknown} */ (self)
)

/** @type {Binding | null} */
let binding = null
/** The call that is running, 0 for none. */
let running = 0
/** How many frames the page is ready to take. */
let frames = 0
/** Whether a helper has been asked and has not replied. */
let asked = false
/** Why there is no helper any more, or ''. */
let lost = ''
/** The evaluation that this worker makes for another. */
let helping = Promise.resolve()
/** The last words of the Go program. */
let said = ''

scope.addEventListener('message', ({ data }) => {
  if (data.call) answer(data)
  else if (data.cancel === running) binding?.cancel()
  else if (data.took === running) frames = 1
  else if (data.help) help(data.help)
  else if (data.alone) replied((lost = data.alone), null)
})

/** @param {{ id: number, call: string, [argument: string]: any }} message */
async function answer(message) {
  const { id, call } = message
  /** @type {Done} */
  const done = (error, value, aborted) => {
    if (running === id) running = 0
    if (error !== null) scope.postMessage({ id, error, name: aborted ? 'AbortError' : 'Error' })
    else scope.postMessage({ id, value }, buffersOf(value))
  }
  try {
    if (call === 'start') return done(null, await start(message.build, message.module))
    if (!binding) return done(`tweedie: ${call}: the worker has not started`)
    if (call === 'load' || call === 'classify') return binding[call](message.manifest, message.shards, message.sums, done)
    if (call === 'check') return binding.check(message.request, message.inpaint, done)
    if (call === 'digest') return binding.digest(message.bytes, done)
    if (call === 'follow') return binding.follow(done)
    if (call === 'join') {
      const { rank, size, memory } = message
      return binding.join(rank, size, shared(memory), meeting(memory, size), () => disband(memory), done)
    }
    running = id
    frames = 1
    lost = ''
    await helping // for one that is gone
    const hooks = hooksOf(id)
    const share = message.share instanceof MessagePort ? questions(message.share) : (message.share ?? null)
    if (call === 'sample') binding.sample(message.request, hooks, share, done)
    else if (call === 'inpaint') binding.inpaint(message.request, message.image, message.mask, hooks, share, done)
    else if (call === 'forward') binding.forward(bytesOf(message.x), bytesOf(message.t), message.y && bytesOf(message.y), share, done)
    else if (call === 'likely' && binding.likely) binding.likely(message.question, message.image, (step, steps) => scope.postMessage({ id, step, steps }), done)
    else done(`tweedie: unknown call ${call}`)
  } catch (error) {
    done(wording(error))
  }
}

/**
 * The callbacks of a running call. Steps always go out; pixels only when the
 * page has taken the last ones.
 * @param {number} id
 * @returns {Hooks}
 */
function hooksOf(id) {
  let at = [0, 0]
  return {
    step(step, steps) {
      at = [step, steps]
      if (frames === 0) scope.postMessage({ id, step, steps })
      return frames > 0
    },
    pixels(pixels) {
      frames = 0
      scope.postMessage({ id, step: at[0], steps: at[1], pixels }, [pixels.buffer])
    },
  }
}

/**
 * How to ask a helper for an evaluation.
 * @param {MessagePort} port
 * @returns {Share}
 */
function questions(port) {
  port.onmessage = ({ data }) => replied(data.error, data.value)
  return (x, t, y) => {
    asked = true
    if (lost) replied(lost, null)
    else port.postMessage({ x, t, y })
  }
}

/** @param {string | null} error @param {Uint8Array | null} value */
function replied(error, value) {
  if (!asked) return
  asked = false // before Go goes on, which may ask again
  binding?.replied(error, value)
}

/**
 * Answers the questions of another worker.
 * @param {MessagePort} port
 */
function help(port) {
  port.onmessage = ({ data: { x, t, y } }) => {
    helping = new Promise((resolve) => binding?.forward(x, t, y, null, (error, value) => {
      port.postMessage({ error, value }, buffersOf(value))
      resolve()
    }))
  }
}

/**
 * Runs the Go program and returns once it has handed over its binding.
 * @param {string} build the page's
 * @param {WebAssembly.Module} module
 */
async function start(build, module) {
  const go = new scope.Go()
  scope.fs.writeSync = (/** @type {number} */ _fd, /** @type {Uint8Array} */ bytes) => {
    said = (said + new TextDecoder().decode(bytes)).slice(0, 2000)
    return bytes.length
  }
  go.exit = (/** @type {number} */ code) => {
    scope.postMessage({ crashed: `tweedie: the worker stopped (${said.split('\n')[0] || `exit ${code}`})` })
  }
  const handedOver = new Promise((resolve) => {
    scope.tweedie = (value) => {
      binding = value
      resolve(undefined)
    }
  })
  const ended = go.run(await WebAssembly.instantiate(module, go.importObject))
  await Promise.race([handedOver, ended])
  for (const [who, other] of [['worker.js', BUILD], ['tweedie.wasm', binding?.build]]) {
    if (other !== build) {
      throw new Error(`tweedie: ${who} is of build ${other}, tweedie.js of build ${build}: clear the cache and reload`)
    }
  }
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/**
 * The buffers that leave with a value instead of being copied.
 * @param {any} value
 */
function buffersOf(value) {
  return [value, value?.pixels].filter(ArrayBuffer.isView).map((view) => view.buffer)
}

/** @param {unknown} error */
function wording(error) {
  const text = error instanceof Error ? error.message : String(error)
  return said ? `${text} (${said.split('\n')[0]})` : text
}
