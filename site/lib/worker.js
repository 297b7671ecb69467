// @ts-check
/// <reference lib="webworker" />
/**
 * One worker of the pool: a Go instance that holds the model and computes.
 *
 * The page sends `{ id, call, ... }` and gets `{ id, value }` or `{ id, error, name, field }`
 * back, once; while a call runs it gets `{ id, step, steps, pixels? }`. These messages have
 * no answer: `{ cancel: id }`; `{ requestPixels: id }` asks for pixels with the next step;
 * `{ help: port }` makes this worker the helper of the worker at the port's other end;
 * `{ helperLost: message }` says that this worker's helper has ended. If the Go program
 * ends, which it never does by itself, the page gets `{ crashed }`.
 *
 * The `share` of a call is a port to a helper, 'channels' for the tensor-parallel group that
 * this worker leads, or absent.
 */

import './wasm_exec.js'
import { BUILD } from './build.js'
import { barrier, breakBarrier, bytesOf as sharedBytes } from './tensorparallel.js'

/**
 * @typedef {(error: string | null, value?: any, aborted?: boolean, field?: { field: string, got: string, want: string } | null) => void} Done
 * @typedef {'channels' | ((x: Uint8Array, t: Uint8Array, y: Uint8Array | null) => void) | null} Share
 * @typedef {{ step(step: number, steps: number): boolean, pixels(pixels: Uint8Array): void }} Hooks
 * @typedef {{
 *   build: string,
 *   load(manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null, done: Done): void,
 *   setClassifier(manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null, done: Done): void,
 *   check(request: string, inpaint: boolean, done: Done): void,
 *   sample(request: string, hooks: Hooks, share: Share, done: Done): void,
 *   inpaint(request: string, image: object, mask: object, hooks: Hooks, share: Share, done: Done): void,
 *   forward(x: Uint8Array, t: Uint8Array, y: Uint8Array | null, share: Share, done: Done): void,
 *   likelihood?(question: string, image: object, step: (step: number, steps: number) => void, done: Done): void,
 *   fitPicture(picture: object, options: string, done: Done): void,
 *   decodePicture?(file: Uint8Array, done: Done): void,
 *   join(rank: number, size: number, memory: Uint8Array, barrier: () => boolean, leave: () => void, done: Done): void,
 *   follow(done: Done): void,
 *   replied(error: string | null, numbers: Uint8Array | null): void,
 *   digest(bytes: Uint8Array, done: Done): void,
 *   cancel(): void,
 * }} Binding the functions of the Go program in wasm/browser, or in wasm/pictures, which has decodePicture only
 */

const scope = /** @type {DedicatedWorkerGlobalScope & { Go: any, fs: any, tweedie?: (binding: Binding) => void }} */ (
  /** @type {unknown} */ (self)
)

/** @type {Binding | null} */
let binding = null
/** The id of the call that is running, 0 for none. */
let running = 0
/** Whether the page wants pixels with the next step. */
let wantsPixels = false
/** Whether a helper has been asked and has not replied. */
let awaitingHelper = false
/** Why the helper has ended, or ''. */
let helperLost = ''
/** The evaluation that this worker computes for another. */
let helping = Promise.resolve()
/** What the Go program has printed. */
let output = ''

scope.addEventListener('message', ({ data }) => {
  if (data.call) answer(data)
  else if (data.cancel === running) binding?.cancel()
  else if (data.requestPixels === running) wantsPixels = true
  else if (data.help) help(data.help)
  else if (data.helperLost) reply((helperLost = data.helperLost), null)
})

/** @param {{ id: number, call: string, [argument: string]: any }} message */
async function answer(message) {
  const { id, call } = message
  /** @type {Done} */
  const done = (error, value, aborted, field = null) => {
    if (running === id) running = 0
    if (error !== null) scope.postMessage({ id, error, name: aborted ? 'AbortError' : 'Error', field })
    else scope.postMessage({ id, value }, buffersOf(value))
  }
  try {
    if (call === 'start') return done(null, await start(message.build, message.module))
    if (!binding) return done(`tweedie: ${call}: the worker has not started`)
    if (call === 'load' || call === 'setClassifier') return binding[call](message.manifest, message.shards, message.sums, done)
    if (call === 'check') return binding.check(message.request, message.inpaint, done)
    if (call === 'digest') return binding.digest(message.bytes, done)
    if (call === 'decodePicture' && binding.decodePicture) return binding.decodePicture(message.file, done)
    if (call === 'fitPicture') return binding.fitPicture(message.picture, message.options, done)
    if (call === 'follow') return binding.follow(done)
    if (call === 'join') {
      const { rank, size, memory } = message
      return binding.join(rank, size, sharedBytes(memory), barrier(memory, size), () => breakBarrier(memory), done)
    }
    running = id
    wantsPixels = true
    helperLost = ''
    await helping // for a leader that has ended
    const hooks = hooksOf(id)
    const share = message.share instanceof MessagePort ? askHelper(message.share) : (message.share ?? null)
    if (call === 'sample') binding.sample(message.request, hooks, share, done)
    else if (call === 'inpaint') binding.inpaint(message.request, message.image, message.mask, hooks, share, done)
    else if (call === 'forward') binding.forward(bytesOf(message.x), bytesOf(message.t), message.y && bytesOf(message.y), share, done)
    else if (call === 'likelihood' && binding.likelihood) binding.likelihood(message.question, message.image, (step, steps) => scope.postMessage({ id, step, steps }), done)
    else done(`tweedie: unknown call ${call}`)
  } catch (error) {
    done(messageOf(error))
  }
}

/**
 * The callbacks of a running call. Every step is reported; pixels only if the page has
 * asked for them since the last.
 * @param {number} id
 * @returns {Hooks}
 */
function hooksOf(id) {
  let at = [0, 0]
  return {
    step(step, steps) {
      at = [step, steps]
      if (!wantsPixels) scope.postMessage({ id, step, steps })
      return wantsPixels
    },
    pixels(pixels) {
      wantsPixels = false
      scope.postMessage({ id, step: at[0], steps: at[1], pixels }, [pixels.buffer])
    },
  }
}

/**
 * Returns a function that asks a helper for an evaluation.
 * @param {MessagePort} port
 * @returns {Share}
 */
function askHelper(port) {
  port.onmessage = ({ data }) => reply(data.error, data.value)
  return (x, t, y) => {
    awaitingHelper = true
    if (helperLost) reply(helperLost, null)
    else port.postMessage({ x, t, y })
  }
}

/** Gives the Go program a helper's reply. @param {string | null} error @param {Uint8Array | null} value */
function reply(error, value) {
  if (!awaitingHelper) return
  awaitingHelper = false // before Go continues, which may ask again
  binding?.replied(error, value)
}

/**
 * Answers the requests of another worker.
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
 * Starts the Go program and returns once it has passed its binding.
 * @param {string} build the page's
 * @param {WebAssembly.Module} module
 */
async function start(build, module) {
  const go = new scope.Go()
  scope.fs.writeSync = (/** @type {number} */ _fd, /** @type {Uint8Array} */ bytes) => {
    output = (output + new TextDecoder().decode(bytes)).slice(0, 2000)
    return bytes.length
  }
  go.exit = (/** @type {number} */ code) => {
    scope.postMessage({ crashed: `tweedie: the worker stopped (${output.split('\n')[0] || `exit ${code}`})` })
  }
  const bound = new Promise((resolve) => {
    scope.tweedie = (value) => {
      binding = value
      resolve(undefined)
    }
  })
  const ended = go.run(await WebAssembly.instantiate(module, go.importObject))
  await Promise.race([bound, ended])
  for (const [file, other] of [['worker.js', BUILD], ['tweedie.wasm', binding?.build]]) {
    if (other !== build) {
      throw new Error(`tweedie: ${file} is of build ${other}, tweedie.js of build ${build}: clear the cache and reload`)
    }
  }
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/**
 * The buffers that are transferred with a value instead of being copied.
 * @param {any} value
 */
function buffersOf(value) {
  return [value, value?.pixels, value?.data].filter(ArrayBuffer.isView).map((view) => view.buffer)
}

/** @param {unknown} error */
function messageOf(error) {
  const text = error instanceof Error ? error.message : String(error)
  return output ? `${text} (${output.split('\n')[0]})` : text
}
