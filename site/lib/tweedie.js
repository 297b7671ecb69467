// @ts-check
/**
 * Samples and inpaints with a Tweedie model in the browser. All computation runs in Web
 * Workers; nothing is uploaded. tweedie.d.ts documents the types and functions.
 *
 * @import { Model as Declared, Bound, BoundOptions, Call, ClassifierInfo, ClassifierOptions, FitOptions, FittedPicture, ForwardOptions, InpaintOptions, Likelihood, LikelihoodOptions, LoadOptions, ModelInfo, Picture, Plan, Result, SampleOptions } from './tweedie.js'
 * @typedef {{ bits: number[], prior: number, sigmas: number[], evaluations: number }} Answer the engine's answer to a likelihood call
 */

import { Batch } from './batch.js'
import { BUILD } from './build.js'
import { fieldError } from './errors.js'
import { compile, fetchModel } from './fetch.js'
import { toBytes, toImages } from './pixels.js'
import { Pool, PoolWorker, abortError } from './pool.js'

/** The most images of one part. Small, so that fast and slow workers finish together. */
const MAX_IMAGES = 16
/** Parts per worker of a batch that has enough images. */
const PARTS = 3
/** The most rows of a forward call in one part. */
const MAX_ROWS = 8

/**
 * @param {string | URL} url of the model's manifest; its shards are in the same folder
 * @param {LoadOptions} [options]
 * @returns {Promise<Model>}
 */
export function load(url, { workers, onProgress, signal } = {}) {
  return abortable(signal, async (inner) => {
    const size = workers ?? Math.min(navigator.hardwareConcurrency || 2, 8)
    if (!Number.isInteger(size) || size < 1 || size > 64) {
      throw fieldError(RangeError, 'workers', size, 'a whole number from 1 to 64')
    }
    const module = compile(new URL('./tweedie.wasm', import.meta.url))
    const files = fetchModel(absolute(url), inner, onProgress, module)
    const pool = new Pool(size, BUILD, module, files)
    inner.addEventListener('abort', () => pool.close())
    const [json] = await Promise.all([pool.start(), files, module])
    const info = JSON.parse(json)
    const sharing = pool.sharing(info.unconditional && info.classes.length > 0) ?? 'none'
    return new Model({ ...info, workers: size, sharing }, pool, files)
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
    const [channels, height, width] = this.info.shape
    if (options.size == null && image instanceof ImageData && (image.height !== height || image.width !== width) && this.#allows(image)) {
      options = { ...options, size: [image.height, image.width] }
    }
    const sides = sidesOf(options.size, [height, width])
    return this.#images('inpaint', options, {
      image: this.#picture('image', image, channels, sides),
      mask: this.#picture('mask', mask, 1, sides),
    })
  }

  /**
   * @param {Float32Array} x @param {ArrayLike<number>} t @param {ArrayLike<number> | null} [y]
   * @param {ForwardOptions} [options]
   * @returns {Promise<Float32Array>}
   */
  forward(x, t, y = null, { signal } = {}) {
    return abortable(signal, async (inner) => {
      if (!(x instanceof Float32Array)) throw fieldError(TypeError, 'x', typeof x, 'a Float32Array')
      const times = Float32Array.from(t)
      const labels = y && Int32Array.from(y)
      const row = this.info.shape.reduce((a, b) => a * b)
      const valid = x.length === times.length * row && (!labels || labels.length === times.length)
      const most = valid ? MAX_ROWS : Infinity // arguments that do not fit go to the engine whole: it names what is wrong
      const share = valid && times.length < this.#pool.size ? this.#pool.share(false) : undefined
      const parts = ranges(times.length, share ? times.length : Math.min(most, Math.ceil(times.length / this.#pool.size)))
      const out = await Promise.all(parts.map(([start, end]) => {
        const part = {
          x: valid ? x.slice(start * row, end * row) : x,
          t: times.slice(start, end),
          y: labels && (valid ? labels.slice(start, end) : labels),
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
    const { bits: estimates, ...rest } = await this.#likelihood(false, options)
    const { nfe, ms, seed } = rest
    return { ...mean(estimates), estimates, nfe, ms, seed }
  }

  /** @param {BoundOptions} options @returns {Promise<Bound>} */
  async bound(options) {
    const { bits: terms, prior, sigmas, nfe, ms, seed } = await this.#likelihood(true, options)
    return { bits: terms.reduce((sum, v) => sum + v, 0) + prior, prior, terms, sigmas, nfe, ms, seed }
  }

  /**
   * Computes probes, or terms of the bound, in one part per worker. The program for it is
   * fetched first; its workers end with the call.
   * @param {boolean} bound
   * @param {LikelihoodOptions & BoundOptions} options
   */
  #likelihood(bound, { image, signal, onProgress, probes = 1, seed = 0, steps, ...fields }) {
    return abortable(signal, async (inner) => {
      const begun = performance.now()
      const picture = this.#picture('image', image, this.info.shape[0])
      const { levels, chain, workers } = this.info
      const asked = { ...representable(fields), seed: seedOf(seed), steps: steps ?? (bound ? chain || levels || 256 : 32), bound }
      const n = bound ? asked.steps : asked.noise === 'exact' ? 1 : probes // terms, or probes
      if (!Number.isInteger(n) || n < 1) throw fieldError(RangeError, bound ? 'steps' : 'probes', n, 'a whole number of at least 1')
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
          return /** @type {Answer} */ (JSON.parse(await pool.run({ call: 'likelihood', question, image: picture }, { signal: inner, onStep })))
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

  /** @param {string | URL} url @param {ClassifierOptions} [options] @returns {Promise<ClassifierInfo>} */
  setClassifier(url, { onProgress, signal } = {}) {
    return abortable(signal, async (inner) => {
      const files = await fetchModel(absolute(url), inner, onProgress)
      await this.#pool.setClassifier(files)
      const { name, config, shards } = JSON.parse(files.manifest)
      const bytes = shards.reduce((/** @type {number} */ sum, /** @type {{ bytes: number }} */ shard) => sum + shard.bytes, 0)
      return { name, classes: config.classes, bytes }
    })
  }

  /** @deprecated use setClassifier @param {string | URL} url @param {ClassifierOptions} [options] */
  classify(url, options) {
    return this.setClassifier(url, options)
  }

  /**
   * @param {ImageData | Blob} picture @param {FitOptions} [options] @param {{ signal?: AbortSignal }} [how]
   * @returns {Promise<FittedPicture>}
   */
  async fitPicture(picture, options = {}, { signal } = {}) {
    const { data, width, height } = picture instanceof Blob ? await decodePicture(picture, { signal }) : picture
    const message = { call: 'fitPicture', picture: { data, width, height, channels: 4 }, options: JSON.stringify(options) }
    const { pixels, inverted } = await this.#pool.ask(message, { signal })
    return { image: toImages(pixels, this.info.shape)[0], inverted }
  }

  /** Ends the workers. Running and later calls reject. */
  close() {
    this.#pool.close()
  }

  /** @param {Call & { resample?: number, jump?: number }} [options] @param {'sample' | 'inpaint'} [call] @returns {Promise<Plan>} */
  async plan(options = {}, call = 'sample') {
    const asked = { ...representable(options), seed: seedOf(options.seed) }
    return this.#check(asked, call)
  }

  /** @param {Call} asked @param {'sample' | 'inpaint'} call @param {AbortSignal} [signal] @returns {Promise<Plan>} */
  async #check(asked, call, signal) {
    const question = { call: 'check', request: JSON.stringify(asked), inpaint: call === 'inpaint' }
    const { nfe, passes, work, walk: _, shape, ...request } = JSON.parse(await this.#pool.ask(question, { signal }))
    return { nfe, passes, work, shape, request }
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
      const asked = { ...representable(fields), seed: seedOf(fields.seed) }
      const plan = await this.#check(asked, call, inner)
      const { request, shape } = plan
      const batch = new Batch(request.n, shape, onStep)
      let nfe = 0 // the most of all images: adaptive samplers choose their steps
      const own = shape.every((n, i) => n === this.info.shape[i]) // a group of workers shares images of the model's size only
      const share = own && request.n < this.#pool.size ? this.#pool.share(this.#guided(request)) : undefined
      const size = share === 'channels' ? request.n : Math.min(MAX_IMAGES, Math.ceil(request.n / (PARTS * this.#pool.size)))
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
        images: toImages(batch.pixels, shape),
        pixels: batch.pixels,
        sha256: await this.#digest(batch.pixels),
        nfe,
        ms: performance.now() - begun,
        seed: asked.seed,
        request,
        plan,
      }
    })
  }

  /** @param {Call} request with every field filled in */
  #guided({ guidance }) {
    return this.info.classes.length > 0 && guidance !== 0 && guidance !== 1
  }

  /** @param {ImageData} image @returns {boolean} whether the network allows its size */
  #allows({ height, width }) {
    const size = this.info.settings.find(({ name }) => name === 'size')
    return size !== undefined && height % size.min === 0 && width % size.min === 0
  }

  /**
   * A picture as bytes with its size, which the engine checks.
   * @param {string} what
   * @param {ImageData | Uint8Array | Uint8ClampedArray} picture
   * @param {number} channels
   * @param {number[]} [sides] height and width of bytes
   * @returns {Picture}
   */
  #picture(what, picture, channels, [height, width] = this.info.shape.slice(1)) {
    if (picture instanceof ImageData) return toBytes(picture, channels)
    if (!(picture instanceof Uint8Array || picture instanceof Uint8ClampedArray)) {
      throw fieldError(TypeError, what, picture === null ? 'null' : typeof picture, 'ImageData or a Uint8Array')
    }
    return { data: picture, height, width, channels }
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<string>} */
  async #digest(bytes) {
    if (!globalThis.crypto?.subtle) return this.#pool.ask({ call: 'digest', bytes }) // not a secure context
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
  }
}

/**
 * @param {Blob} file @param {{ signal?: AbortSignal }} [how]
 * @returns {Promise<ImageData>}
 */
export function decodePicture(file, { signal } = {}) {
  return abortable(signal, async (inner) => {
    const bytes = new Uint8Array(await file.arrayBuffer())
    inner.throwIfAborted()
    const worker = new PoolWorker(() => {})
    const stop = () => worker.end(abortError())
    inner.addEventListener('abort', stop)
    try {
      await worker.call({ call: 'start', build: BUILD, module: await compile(new URL('./tweedie-pictures.wasm', import.meta.url)) })
      const { data, width, height } = await worker.call({ call: 'decodePicture', file: bytes }, { transfer: [bytes.buffer] })
      return new ImageData(data, width, height)
    } finally {
      stop()
    }
  })
}

/**
 * Runs work. Aborting signal rejects at once; the inner signal is aborted then, and also
 * when work fails, so that everything it has started stops.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {(inner: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
function abortable(signal, work) {
  const inner = new AbortController()
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(abortError())
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
 * The height and width of a size; of one that the engine will refuse, own.
 * @param {unknown} size
 * @param {[number, number]} own
 * @returns {number[]}
 */
function sidesOf(size, own) {
  const sides = (Array.isArray(size) ? size : String(size ?? own.join('x')).split('x')).map(Number)
  if (sides.length > 2 || !sides.every((n) => n > 0)) return own
  return [sides[0], sides[sides.length - 1]]
}

/**
 * Checks that JSON can represent the fields of a request; the error names the field that
 * it cannot. JSON would turn NaN into null, which means absent.
 * @template {object} T
 * @param {T} fields
 * @returns {T}
 */
function representable(fields) {
  for (const [name, value] of Object.entries(fields)) {
    for (const item of [value].flat()) {
      if (typeof item === 'number' && !Number.isFinite(item)) throw fieldError(RangeError, name, item, 'a finite number')
      const valid = ['number', 'string', 'boolean', 'undefined', name === 'seed' ? 'bigint' : 'number'].includes(typeof item)
      if (!valid && item !== null) throw fieldError(TypeError, name, typeof item, 'a number or a string')
    }
  }
  return fields
}

/**
 * The mean and its standard error, computed as core/likelihood's Mean does, to the bit.
 * @param {number[]} values
 */
function mean(values) {
  const n = values.length
  const bits = values.reduce((sum, v) => sum + v, 0) / n
  const squares = values.reduce((sum, v) => sum + (v - bits) * (v - bits), 0)
  return { bits, error: n > 1 ? Math.sqrt(squares / (n - 1) / n) : null }
}

/** @param {string | URL} url relative to the page */
function absolute(url) {
  return new URL(url, globalThis.document?.baseURI ?? location.href)
}

/** @param {Call['seed']} seed @returns {number | string} the seed as JSON; a random one if absent */
function seedOf(seed) {
  if (seed === undefined || seed === null) return crypto.getRandomValues(new Uint32Array(1))[0]
  if (typeof seed === 'number' && seed > Number.MAX_SAFE_INTEGER) { // it may have been rounded already
    throw fieldError(RangeError, 'seed', seed, 'at most 9007199254740991 as a number: write a larger one as a bigint or in quotes')
  }
  return typeof seed === 'bigint' ? String(seed) : seed
}

/** @param {number} n @param {number} size @returns {[number, number][]} [0, n) in parts of size, at least one part */
function ranges(n, size) {
  /** @type {[number, number][]} */
  const out = []
  for (let start = 0; start < n || start === 0; start += size || 1) out.push([start, Math.min(n, start + size)])
  return out
}
