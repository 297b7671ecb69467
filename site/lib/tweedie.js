// @ts-check
/**
 * Samples and inpaints with a Tweedie model in the browser. All computing is in
 * Web Workers; nothing leaves the machine. The types and the contract stand in
 * tweedie.d.ts.
 *
 * @import { Model as Declared, Bound, BoundOptions, Call, ClassifierInfo, ClassifyOptions, ForwardOptions, InpaintOptions, Likelihood, LikelihoodOptions, LoadOptions, ModelInfo, Picture, Plan, Result, SampleOptions } from './tweedie.js'
 * @typedef {{ bits: number[], prior: number, sigmas: number[], evaluations: number }} Answer what the engine says of a picture
 */

import { BUILD } from './build.js'
import { Pool, aborted } from './pool.js'
import { compile, fetchModel } from './fetch.js'
import { toBytes, toImages } from './pixels.js'

/** Images that a worker takes at once, at most. Small, so that uneven workers share the work evenly. */
const MOST_IMAGES = 16
/** Parts of a batch for each worker, where there are images enough. */
const PARTS = 3
/** Rows of a raw evaluation that a worker takes at once. */
const MOST_ROWS = 8

/**
 * @param {string | URL} url of the model's manifest; its shards lie beside it
 * @param {LoadOptions} [options]
 * @returns {Promise<Model>}
 */
export function load(url, { workers, onProgress, signal } = {}) {
  return abortable(signal, async (inner) => {
    const size = workers ?? Math.min(navigator.hardwareConcurrency || 2, 8)
    if (!Number.isInteger(size) || size < 1 || size > 64) {
      throw new RangeError(`tweedie: workers: found ${size}, need a whole number in [1, 64]`)
    }
    const module = compile(new URL('./tweedie.wasm', import.meta.url))
    const files = fetchModel(absolute(url), inner, onProgress, module)
    const pool = new Pool(size, BUILD, module, files)
    inner.addEventListener('abort', () => pool.close())
    const [info] = await Promise.all([pool.start(), files, module])
    const told = JSON.parse(info)
    const sharing = pool.sharing(told.unconditional && told.classes.length > 0) ?? 'none'
    return new Model({ ...told, workers: size, sharing }, pool, files)
  })
}

/** @implements {Declared} */
export class Model {
  #pool
  #files

  /** @param {ModelInfo} info @param {Pool} pool @param {Promise<import('./pool.js').Files>} files of the model */
  constructor(info, pool, files) {
    /** @type {Readonly<ModelInfo>} */
    this.info = Object.freeze(info)
    this.#pool = pool
    this.#files = files
  }

  /** @param {SampleOptions} [options] @returns {Promise<Result>} */
  async sample(options = {}) {
    return this.#images('sample', options, {})
  }

  /** @param {InpaintOptions} options @returns {Promise<Result>} */
  async inpaint({ image, mask, ...options }) {
    const [channels] = this.info.shape
    return this.#images('inpaint', options, {
      image: this.#picture('image', image, channels),
      mask: this.#picture('mask', mask, 1),
    })
  }

  /**
   * @param {Float32Array} x @param {ArrayLike<number>} t @param {ArrayLike<number> | null} [y]
   * @param {ForwardOptions} [options]
   * @returns {Promise<Float32Array>}
   */
  forward(x, t, y = null, { signal } = {}) {
    return abortable(signal, async (inner) => {
      if (!(x instanceof Float32Array)) throw new TypeError('tweedie: forward: x must be a Float32Array')
      const times = Float32Array.from(t)
      const labels = y && Int32Array.from(y)
      const row = this.info.shape.reduce((a, b) => a * b)
      const fits = x.length === times.length * row && (!labels || labels.length === times.length)
      const most = fits ? MOST_ROWS : Infinity // what does not fit goes whole, to be refused by name
      const share = fits && times.length < this.#pool.size ? this.#pool.share(false) : undefined
      const parts = ranges(times.length, share ? times.length : Math.min(most, Math.ceil(times.length / this.#pool.size)))
      const out = await Promise.all(parts.map(([start, end]) => {
        const part = {
          x: fits ? x.slice(start * row, end * row) : x,
          t: times.slice(start, end),
          y: labels && (fits ? labels.slice(start, end) : labels),
        }
        return this.#pool.run({ call: 'forward', ...part }, { signal: inner, share })
      }))
      const all = new Float32Array(x.length)
      parts.forEach(([start], i) => all.set(new Float32Array(out[i].buffer), start * row))
      return all
    })
  }

  /** @param {LikelihoodOptions} options @returns {Promise<Likelihood>} */
  async likelihood(options) {
    const { bits: estimates, ...rest } = await this.#likely(false, options)
    const { nfe, ms, seed } = rest
    return { ...mean(estimates), estimates, nfe, ms, seed }
  }

  /** @param {BoundOptions} options @returns {Promise<Bound>} */
  async bound(options) {
    const { bits: terms, prior, sigmas, nfe, ms, seed } = await this.#likely(true, options)
    return { bits: terms.reduce((sum, v) => sum + v, 0) + prior, prior, terms, sigmas, nfe, ms, seed }
  }

  /**
   * Asks the whole program, which is fetched for it and whose workers end with the call,
   * for probes, or terms, in as many parts as there are workers.
   * @param {boolean} bound
   * @param {LikelihoodOptions & BoundOptions} options
   */
  #likely(bound, { image, signal, onProgress, probes = 1, seed = 0, steps, ...fields }) {
    return abortable(signal, async (inner) => {
      const begun = performance.now()
      const picture = this.#picture('image', image, this.info.shape[0])
      const { levels, chain, workers } = this.info
      const asked = { ...plain(fields), seed: seedOf(seed), steps: steps ?? (bound ? chain || levels || 256 : 32), bound }
      const n = bound ? asked.steps : asked.noise === 'exact' ? 1 : probes // terms, or probes
      if (!Number.isInteger(n) || n < 1) throw new RangeError(`tweedie: ${bound ? 'steps' : 'probes'}: found ${n}, need a whole number, at least 1`)
      const pool = new Pool(Math.min(workers, n), BUILD, compile(new URL('./tweedie-likelihood.wasm', import.meta.url)), this.#files)
      inner.addEventListener('abort', () => pool.close())
      try {
        let done = 0
        const answers = await Promise.all(ranges(n, Math.ceil(n / pool.size)).map(async ([first, end]) => {
          let before = 0
          /** @type {import('./pool.js').OnStep} */
          const onStep = ({ step, steps }) => {
            done += (end - first) * (step / steps - before) / n
            before = step / steps
            onProgress?.({ progress: Math.min(1, done) })
          }
          const question = JSON.stringify({ ...asked, first, count: end - first })
          return /** @type {Answer} */ (JSON.parse(await pool.run({ call: 'likely', question, image: picture }, { signal: inner, onStep })))
        }))
        return {
          bits: answers.flatMap(({ bits }) => bits), sigmas: answers.flatMap(({ sigmas }) => sigmas ?? []), prior: answers[0].prior,
          nfe: answers.reduce((sum, answer) => sum + answer.evaluations, 0), ms: performance.now() - begun, seed: asked.seed,
        }
      } finally {
        pool.close()
      }
    })
  }

  /** @param {string | URL} url @param {ClassifyOptions} [options] @returns {Promise<ClassifierInfo>} */
  classify(url, { onProgress, signal } = {}) {
    return abortable(signal, async (inner) => {
      const files = await fetchModel(absolute(url), inner, onProgress)
      await this.#pool.classify(files)
      const { name, config, shards } = JSON.parse(files.manifest)
      const bytes = shards.reduce((/** @type {number} */ sum, /** @type {{ bytes: number }} */ shard) => sum + shard.bytes, 0)
      return { name, classes: config.classes, bytes }
    })
  }

  /** Ends the workers. Calls that run, and later ones, reject. */
  close() {
    this.#pool.close()
  }

  /** @param {Call & { resample?: number, jump?: number }} [options] @param {'sample' | 'inpaint'} [call] @returns {Promise<Plan>} */
  async plan(options = {}, call = 'sample') {
    const asked = { ...plain(options), seed: seedOf(options.seed) }
    return this.#check(asked, call)
  }

  /** @param {Call} asked @param {'sample' | 'inpaint'} call @param {AbortSignal} [signal] @returns {Promise<Plan>} */
  async #check(asked, call, signal) {
    const question = { call: 'check', request: JSON.stringify(asked), inpaint: call === 'inpaint' }
    const { nfe, passes, work, walk: _, ...request } = JSON.parse(await this.#pool.ask(question, { signal }))
    return { nfe, passes, work, request }
  }

  /**
   * @param {'sample' | 'inpaint'} call
   * @param {SampleOptions} options
   * @param {{ image?: Picture, mask?: Picture }} pictures
   * @returns {Promise<Result>}
   */
  #images(call, { signal, onStep, ...fields }, pictures) {
    return abortable(signal, async (inner) => {
      const begun = performance.now()
      const asked = { ...plain(fields), seed: seedOf(fields.seed) }
      const { request } = await this.#check(asked, call, inner)
      const batch = new Batch(request.n, this.info.shape, onStep)
      let nfe = 0 // of the image that took most: adaptive samplers find out on the way
      const share = request.n < this.#pool.size ? this.#pool.share(this.#guided(request)) : undefined
      const size = share === 'channels' ? request.n : Math.min(MOST_IMAGES, Math.ceil(request.n / (PARTS * this.#pool.size)))
      await new Promise((resolve, reject) => {
        const parts = ranges(request.n, size).map(async ([start, end]) => {
          const part = { ...asked, n: end - start, first: (asked.first ?? 0) + start }
          const message = { call, request: JSON.stringify(part), ...pictures }
          const onPart = batch.listener(start, end, reject)
          const done = await this.#pool.run(message, { signal: inner, onStep: onPart, share })
          batch.fill(start, done.pixels)
          nfe = Math.max(nfe, done.nfe)
        })
        Promise.all(parts).then(resolve, reject)
      })
      return {
        images: toImages(batch.pixels, this.info.shape),
        pixels: batch.pixels,
        sha256: await this.#digest(batch.pixels),
        nfe,
        ms: performance.now() - begun,
        seed: asked.seed,
        request,
      }
    })
  }

  /** @param {Call} request with its guidance filled in */
  #guided({ guidance }) {
    return this.info.classes.length > 0 && guidance !== 0 && guidance !== 1
  }

  /**
   * A picture as bytes with its size, for the engine to check.
   * @param {string} what
   * @param {ImageData | Uint8Array | Uint8ClampedArray} picture
   * @param {number} channels
   * @returns {Picture}
   */
  #picture(what, picture, channels) {
    if (picture instanceof ImageData) return toBytes(picture, channels)
    if (!(picture instanceof Uint8Array || picture instanceof Uint8ClampedArray)) {
      throw new TypeError(`tweedie: ${what}: found ${picture === null ? 'null' : typeof picture}, need ImageData or a Uint8Array`)
    }
    const [, height, width] = this.info.shape
    return { data: picture, height, width, channels }
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<string>} */
  async #digest(bytes) {
    if (!globalThis.crypto?.subtle) return this.#pool.ask({ call: 'digest', bytes }) // a page over plain http
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
  }
}

/** The pixels of one call while its parts arrive, and how far they are. */
class Batch {
  #onStep
  #shape
  #row
  /** Images times the share of their steps that is done. */
  #done = 0
  /** @type {boolean[]} which images have been seen */
  #seen
  /** @type {Map<number, () => void>} by a part's first image: asks its worker for pixels */
  #take = new Map()

  /** @param {number} n @param {[number, number, number]} shape @param {SampleOptions['onStep']} onStep */
  constructor(n, shape, onStep) {
    this.#onStep = onStep
    this.#shape = shape
    this.#row = shape.reduce((a, b) => a * b)
    this.#seen = new Array(n).fill(false)
    this.pixels = new Uint8Array(n * this.#row)
  }

  /** @param {number} start @param {Uint8Array} pixels of the images from start on */
  fill(start, pixels) {
    this.pixels.set(pixels, start * this.#row)
    this.#seen.fill(true, start, start + pixels.length / this.#row)
    this.#take.delete(start)
  }

  /**
   * What a part's worker reports its steps to.
   * @param {number} start @param {number} end
   * @param {(error: unknown) => void} fail given what onStep throws
   * @returns {import('./pool.js').OnStep | undefined}
   */
  listener(start, end, fail) {
    const onStep = this.#onStep
    if (!onStep) return undefined
    let before = 0
    return ({ step, steps, pixels }, take) => {
      if (pixels) {
        this.fill(start, pixels)
        this.#take.set(start, take)
      }
      this.#done += (end - start) * (step / steps - before)
      before = step / steps
      const progress = Math.min(1, this.#done / this.#seen.length)
      try {
        onStep({ step: Math.floor(progress * steps + 1e-6), steps, progress, preview: () => this.#preview() })
      } catch (error) {
        fail(error)
      }
    }
  }

  /** @returns {ImageData[]} */
  #preview() {
    for (const take of this.#take.values()) take()
    this.#take.clear()
    const [, height, width] = this.#shape
    return toImages(this.pixels, this.#shape).map((image, i) => (this.#seen[i] ? image : new ImageData(width, height)))
  }
}

/**
 * Runs work so that aborting signal rejects at once, and so that work's own
 * signal is aborted when it fails or is aborted: what it began is then stopped.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {(inner: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
function abortable(signal, work) {
  const inner = new AbortController()
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(aborted())
      inner.abort()
    }
    if (signal?.aborted) return stop()
    signal?.addEventListener('abort', stop, { once: true })
    work(inner.signal).then(resolve, (error) => {
      reject(error)
      inner.abort()
    }).finally(() => signal?.removeEventListener('abort', stop))
  })
}

/**
 * The fields of a request as JSON can carry them, or an error that names the one
 * it cannot: JSON would turn NaN into null, which means absent.
 * @template {object} T
 * @param {T} fields
 * @returns {T}
 */
function plain(fields) {
  for (const [name, value] of Object.entries(fields)) {
    for (const item of [value].flat()) {
      if (typeof item === 'number' && !Number.isFinite(item)) throw new RangeError(`tweedie: ${name}: found ${item}, need a finite number`)
      const fits = ['number', 'string', 'boolean', 'undefined', name === 'seed' ? 'bigint' : 'number'].includes(typeof item)
      if (!fits && item !== null) {
        throw new TypeError(`tweedie: ${name}: found ${typeof item}, need a number or a string`)
      }
    }
  }
  return fields
}

/**
 * The mean and its standard error as likelihood.Mean works them out, to the bit.
 * @param {number[]} values
 */
function mean(values) {
  const n = values.length
  const bits = values.reduce((sum, v) => sum + v, 0) / n
  const squares = values.reduce((sum, v) => sum + (v - bits) * (v - bits), 0)
  return { bits, error: n > 1 ? Math.sqrt(squares / (n - 1) / n) : null }
}

/** @param {string | URL} url as the page means it */
function absolute(url) {
  return new URL(url, globalThis.document?.baseURI ?? location.href)
}

/** @param {Call['seed']} seed @returns {number | string} the seed as JSON, drawn where none is given */
function seedOf(seed) {
  if (seed === undefined || seed === null) return crypto.getRandomValues(new Uint32Array(1))[0]
  return typeof seed === 'bigint' ? String(seed) : seed
}

/** @param {number} n @param {number} size @returns {[number, number][]} [0, n) in parts of size; at least one part */
function ranges(n, size) {
  /** @type {[number, number][]} */
  const out = []
  for (let start = 0; start < n || start === 0; start += size || 1) out.push([start, Math.min(n, start + size)])
  return out
}
