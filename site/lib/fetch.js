// @ts-check
/**
 * Downloads the wasm, which is compiled while it arrives, and the files of a model. The
 * bytes of a model are verified in the worker, by the same Go code as natively. Errors
 * name the URL and the HTTP status.
 *
 * @import { Files } from './pool.js'
 */

/** The largest shard that the model format allows: 24 MiB. */
const MAX_SHARD_BYTES = 24 * 2 ** 20

/** @type {Map<string, Promise<WebAssembly.Module>>} by URL */
const compiled = new Map()

/** Compiles a wasm file, once per page. @param {URL} url @returns {Promise<WebAssembly.Module>} */
export function compile(url) {
  let module = compiled.get(url.href)
  if (!module) {
    compiled.set(url.href, (module = download(url)))
    module.catch(() => compiled.delete(url.href))
  }
  return module
}

/** @param {URL} url @returns {Promise<WebAssembly.Module>} */
async function download(url) {
  const response = await get(url)
  try {
    const streams = response.headers.get('content-type')?.startsWith('application/wasm')
    return await (streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()))
  } catch (error) {
    throw new Error(`tweedie: ${url}: ${messageOf(error)}; this needs a browser with WebAssembly SIMD`)
  }
}

/**
 * Fetches a manifest and then all of its shards in parallel.
 * @param {URL} url
 * @param {AbortSignal} signal
 * @param {import('./tweedie.js').LoadOptions['onProgress']} onProgress
 * @param {Promise<unknown>} [program] the wasm that will read them, which may arrive later
 * @returns {Promise<Files>}
 */
export async function fetchModel(url, signal, onProgress, program = Promise.resolve()) {
  const manifest = await (await get(url, signal)).text()
  const list = shardsOf(manifest)
  const total = list.reduce((sum, shard) => sum + shard.bytes, 0)
  let loaded = 0
  onProgress?.({ phase: 'download', bytes: 0, total })
  const shards = await Promise.all(list.map(({ file, bytes }) => read(new URL(file, url), bytes, signal, (count) => {
    loaded += count
    onProgress?.({ phase: 'download', bytes: loaded, total })
  })))
  const report = (/** @type {'program' | 'start'} */ phase) => signal.aborted || onProgress?.({ phase, bytes: total, total })
  report('program')
  program.then(() => report('start'), () => {}) // the caller of compile reports its failure
  return { manifest, shards, sums: await sumsOf(shards) }
}

/**
 * The SHA-256 of each shard, to be compared with the manifest. Browsers compute it in
 * secure contexts only; elsewhere the worker does.
 * @param {Uint8Array<ArrayBuffer>[]} shards
 */
async function sumsOf(shards) {
  if (!globalThis.crypto?.subtle) return null
  return Promise.all(shards.map(async (shard) => new Uint8Array(await crypto.subtle.digest('SHA-256', shard))))
}

/**
 * The shards that a manifest lists, or none if the manifest is invalid: the worker then
 * reports what is wrong with it.
 * @param {string} manifest
 * @returns {{ file: string, bytes: number }[]}
 */
function shardsOf(manifest) {
  try {
    const { shards } = JSON.parse(manifest)
    const valid = shards.every((/** @type {any} */ shard) => /^[A-Za-z0-9][\w.-]*$/.test(shard.file) && shard.bytes >= 0 && shard.bytes <= MAX_SHARD_BYTES)
    return valid ? shards : []
  } catch {
    return []
  }
}

/**
 * Reads a shard while it arrives. If the server sends more bytes than the manifest says, it
 * stops after the first chunk beyond them, so that the worker sees that the size is wrong.
 * @param {URL} url
 * @param {number} bytes
 * @param {AbortSignal} signal
 * @param {(count: number) => void} onBytes
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function read(url, bytes, signal, onBytes) {
  const response = await get(url, signal)
  const reader = response.body?.getReader()
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = []
  let count = 0
  try {
    for (let next = await reader?.read(); next?.value && count <= bytes; next = await reader?.read()) {
      chunks.push(next.value)
      onBytes(Math.min(next.value.length, bytes - count))
      count += next.value.length
    }
    if (count > bytes) await reader?.cancel()
  } catch (error) {
    throw new Error(`tweedie: ${url}: the download stopped after ${count} of ${bytes} bytes (${messageOf(error)})`)
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}

/** @param {URL} url @param {AbortSignal} [signal] */
async function get(url, signal) {
  let response
  try {
    response = await fetch(url, { signal })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Error(`tweedie: ${url}: ${navigator.onLine === false ? 'this device is offline' : messageOf(error)}`)
  }
  if (!response.ok) throw new Error(`tweedie: ${url}: HTTP ${response.status} ${response.statusText}`.trimEnd())
  return response
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}
