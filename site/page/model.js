// The model behind the page: what the browser must be able to do, and loading.

/**
 * @import { LoadOptions, Model } from '../lib/tweedie.js'
 * @typedef {typeof import('../lib/tweedie.js')} Module
 * @typedef {Parameters<NonNullable<LoadOptions['onProgress']>>[0]} Loading
 */

/** @type {Promise<Module> | undefined} */
let arriving

/**
 * missing names what this browser lacks to run the model, or returns ''.
 *
 * @returns {string}
 */
export function missing() {
  if (typeof WebAssembly !== 'object') return 'WebAssembly'
  if (!WebAssembly.validate(simdProbe)) return 'WebAssembly SIMD'
  if (typeof Worker !== 'function' || !moduleWorkers()) return 'module workers'
  return ''
}

// The smallest module with a v128 instruction: () → v128, i32.const 0, i8x16.splat, i8x16.popcnt.
const simdProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
])

/** @returns {boolean} whether new Worker knows the option type */
function moduleWorkers() {
  let asked = false
  const options = {
    get type() {
      asked = true
      throw new Error('asked') // before a worker is made
    },
  }
  try {
    // @ts-ignore: an option bag that only listens
    new Worker('worker.js', options)
  } catch {
    // The getter's own error, or a refusal that came later; asked tells which.
  }
  return asked
}

/**
 * open fetches the module and the model. It may be called again after a failure.
 *
 * @param {string} url of the model's manifest
 * @param {(loading: Loading) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<Model>}
 */
export async function open(url, onProgress, signal) {
  arriving ??= import('../lib/tweedie.js')
  let module
  try {
    module = await arriving
  } catch (cause) {
    arriving = undefined
    throw new Error(`page: module "tweedie.js": ${message(cause)}`, { cause })
  }
  return module.load(url, { onProgress, signal })
}

/**
 * message is what an error says, whatever was thrown.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function message(error) {
  return error instanceof Error ? error.message : String(error)
}
