// Loading the model: what the browser must support, and the JavaScript module.

import { messageOf } from './errors.js'

/**
 * @import { LoadOptions, Model } from '../lib/tweedie.js'
 * @typedef {typeof import('../lib/tweedie.js')} Module
 * @typedef {Parameters<NonNullable<LoadOptions['onProgress']>>[0]} Loading
 */

/** @type {Promise<Module> | undefined} */
let loadingModule

/**
 * missingFeature names what the model needs and this browser lacks, or returns ''.
 *
 * @returns {string}
 */
export function missingFeature() {
  if (typeof WebAssembly !== 'object') return 'WebAssembly'
  if (!WebAssembly.validate(simdModule)) return 'WebAssembly SIMD'
  if (typeof Worker !== 'function' || !hasModuleWorkers()) return 'module workers'
  return ''
}

// The smallest module with a SIMD instruction: () → v128, i32.const 0, i8x16.splat, i8x16.popcnt.
const simdModule = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
])

/** @returns {boolean} whether new Worker reads the option type */
function hasModuleWorkers() {
  let read = false
  const options = {
    get type() {
      read = true
      throw new Error('read') // before a worker starts
    },
  }
  try {
    // @ts-ignore: only the getter matters
    new Worker('worker.js', options)
  } catch {
    // The getter's error, or a later one.
  }
  return read
}

/**
 * loadModel fetches the module and the model. It may be called again after a failure.
 *
 * @param {string} url of the model's manifest
 * @param {(loading: Loading) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<Model>}
 */
export async function loadModel(url, onProgress, signal) {
  const { load } = await loadModule()
  return load(url, { onProgress, signal })
}

/**
 * loadModule fetches the module. It may be called again after a failure.
 *
 * @returns {Promise<Module>}
 */
export async function loadModule() {
  loadingModule ??= import('../lib/tweedie.js')
  try {
    return await loadingModule
  } catch (cause) {
    loadingModule = undefined
    throw new Error(`page: tweedie.js did not load: ${messageOf(cause)}`, { cause })
  }
}
