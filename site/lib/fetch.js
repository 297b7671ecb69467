// @ts-check
/**
 * Downloads: the wasm, compiled while it arrives, and a model's files. The bytes
 * of a model are not judged here but in the worker, by the Go code that reads
 * them everywhere. Failures name the URL and the HTTP status.
 *
 * @import { Files } from './pool.js'
 */

/** The most bytes of a shard that are read: the format allows 24 MiB. */
const MOST_BYTES = 24 * 2 ** 20

/** @type {Map<string, Promise<WebAssembly.Module>>} by URL */
const compiled = new Map()

/** Compiles a wasm, once a page. @param {URL} url @returns {Promise<WebAssembly.Module>} */
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
    throw new Error(`tweedie: ${url}: ${wording(error)}; a browser with WebAssembly SIMD is needed`)
  }
}

/**
 * Fetches a manifest and then its shards, all at once.
 * @param {URL} url
 * @param {AbortSignal} signal
 * @param {import('./tweedie.js').LoadOptions['onProgress']} onProgress
 * @param {Promise<unknown>} [program] that is to read them, and may come later
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
  const tell = (/** @type {'program' | 'start'} */ phase) => signal.aborted || onProgress?.({ phase, bytes: total, total })
  tell('program')
  program.then(() => tell('start'), () => {}) // its failure is told where it is awaited
  return { manifest, shards, sums: await sumsOf(shards) }
}

/**
 * The SHA-256 of each shard, to be held against the manifest. Browsers compute it
 * on pages that are loaded safely; elsewhere the worker does.
 * @param {Uint8Array<ArrayBuffer>[]} shards
 */
async function sumsOf(shards) {
  if (!globalThis.crypto?.subtle) return null
  return Promise.all(shards.map(async (shard) => new Uint8Array(await crypto.subtle.digest('SHA-256', shard))))
}

/**
 * The shards of a manifest, or none where it is not fit to be followed: the
 * worker then says what is wrong with it.
 * @param {string} manifest
 * @returns {{ file: string, bytes: number }[]}
 */
function shardsOf(manifest) {
  try {
    const { shards } = JSON.parse(manifest)
    const fit = shards.every((/** @type {any} */ shard) => /^[A-Za-z0-9][\w.-]*$/.test(shard.file) && shard.bytes >= 0 && shard.bytes <= MOST_BYTES)
    return fit ? shards : []
  } catch {
    return []
  }
}

/**
 * Reads a shard while it arrives: what is said to be there, and one piece more
 * where the server sends more, so that the worker sees it.
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
  const pieces = []
  let count = 0
  try {
    for (let more = await reader?.read(); more?.value && count <= bytes; more = await reader?.read()) {
      pieces.push(more.value)
      onBytes(Math.min(more.value.length, bytes - count))
      count += more.value.length
    }
    if (count > bytes) await reader?.cancel()
  } catch (error) {
    throw new Error(`tweedie: ${url}: the download broke off after ${count} of ${bytes} bytes (${wording(error)})`)
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}

/** @param {URL} url @param {AbortSignal} [signal] */
async function get(url, signal) {
  let response
  try {
    response = await fetch(url, { signal })
  } catch (error) {
    throw new Error(`tweedie: ${url}: ${wording(error)}`)
  }
  if (!response.ok) throw new Error(`tweedie: ${url}: HTTP ${response.status} ${response.statusText}`.trimEnd())
  return response
}

/** @param {unknown} error */
function wording(error) {
  return error instanceof Error ? error.message : String(error)
}
